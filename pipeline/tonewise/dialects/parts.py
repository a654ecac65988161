"""Parts of a message: text, images, documents and sound, between the three formats.

    chat completions           Messages                          Responses
    text                       text                              input_text, output_text
    image_url (data or https)  image, source base64 or url       input_image, image_url
    file, file_data            document, source base64 or text   input_file, file_data
    input_audio                refused                           input_audio
    refusal                    text                              refusal

Files and images that lie with a provider (`file_id`) are refused: no other provider has them. A
document by URL exists in Messages and Responses only. Titles of documents and search results become
a first line of their text.
"""

import base64
import binascii

from tonewise.dialects.fields import Json, a_text, an_object, kind_of, objects, refusal

IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
"""What Anthropic's models can see."""

_PDF = "application/pdf"
_ELSEWHERE = (
    "a file that lies with one provider is not there for another; send its contents in base64"
)


# ---------------------------------------------------------------- Messages to chat


def chat_parts(block: Json, where: str) -> list[Json]:
    """A content block of Messages as parts of a chat message.

    Raises:
        DialectError: chat completions have nothing like it.
    """
    match kind_of(block, where):
        case "text":
            return [text_part(a_text(block.get("text"), f"{where}.text"))]
        case "image":
            return [_chat_image(an_object(block.get("source"), f"{where}.source"), where)]
        case "document":
            return _chat_document(block, where)
        case "search_result":
            said = [a_text(b.get("text"), at) for at, b in objects(block.get("content"), where)]
            return [text_part(_titled(block, "\n".join(said)))]
        case other:
            what = f"{other!r} means something to Anthropic's models only; leave it out"
            raise refusal(what, f"{where}.type")


def text_part(text: str) -> Json:
    """A text, as chat completions and Messages both write it."""
    return {"type": "text", "text": text}


def _chat_image(source: Json, where: str) -> Json:
    where = f"{where}.source"
    match kind_of(source, where):
        case "base64":
            url = _data_url(source, where)
        case "url":
            url = a_text(source.get("url"), f"{where}.url")
        case _:
            raise refusal(_ELSEWHERE, f"{where}.type")
    return {"type": "image_url", "image_url": {"url": url}}


def _chat_document(block: Json, where: str) -> list[Json]:
    source, where = an_object(block.get("source"), f"{where}.source"), f"{where}.source"
    match kind_of(source, where):
        case "base64":
            name = block.get("title")
            name = name if isinstance(name, str) and name else "document.pdf"
            file = {"filename": name, "file_data": _data_url(source, where)}
            return [{"type": "file", "file": file}]
        case "text":
            return [text_part(_titled(block, a_text(source.get("data"), f"{where}.data")))]
        case "content":
            inner = source.get("content")
            if isinstance(inner, str):
                return [text_part(_titled(block, inner))]
            places = objects(inner, f"{where}.content")
            return [part for at, b in places for part in _flat(b, at)]
        case "url":
            what = "chat completions know no documents by URL; send the document in base64"
            raise refusal(what, f"{where}.type")
        case _:
            raise refusal(_ELSEWHERE, f"{where}.type")


def _flat(block: Json, where: str) -> list[Json]:
    if kind_of(block, where) == "document":
        raise refusal("a document holds text and images, and no further document", f"{where}.type")
    return chat_parts(block, where)


def _titled(block: Json, text: str) -> str:
    title = block.get("title")
    return f"{title}\n\n{text}" if isinstance(title, str) and title else text


def _data_url(source: Json, where: str) -> str:
    kind = a_text(source.get("media_type"), f"{where}.media_type")
    return f"data:{kind};base64,{a_text(source.get('data'), f'{where}.data')}"


# ---------------------------------------------------------------- chat to Messages


def claude_block(part: Json, where: str) -> Json:
    """A part of a chat message as a content block of Messages.

    Raises:
        DialectError: Messages has nothing like it.
    """
    match kind_of(part, where):
        case "text":
            block = text_part(a_text(part.get("text"), f"{where}.text"))
        case "refusal":
            block = text_part(a_text(part.get("refusal"), f"{where}.refusal"))
        case "image_url":
            image, at = an_object(part.get("image_url"), f"{where}.image_url"), f"{where}.image_url"
            block = {"type": "image", "source": _claude_image(image, f"{at}.url")}
        case "file":
            block = _claude_document(an_object(part.get("file"), f"{where}.file"), f"{where}.file")
        case "input_audio":
            raise refusal("Anthropic's models do not hear; send the words instead", where)
        case other:
            raise refusal(f"there is no content part {other!r}", f"{where}.type")
    cached = part.get("cache_control")  # as OpenRouter's clients mark what may be cached
    return {**block, "cache_control": cached} if isinstance(cached, dict) else block


def _claude_image(image: Json, where: str) -> Json:
    url = a_text(image.get("url"), where)
    data = _from_data_url(url, where)
    if data is None:
        return {"type": "url", "url": url}
    if data[0] not in IMAGES:
        raise refusal(
            f"Anthropic's models see {', '.join(IMAGES)}, and no {data[0] or 'other'}", where
        )
    return {"type": "base64", "media_type": data[0], "data": data[1]}


def _claude_document(file: Json, where: str) -> Json:
    if file.get("file_data") is None:
        raise refusal(_ELSEWHERE, f"{where}.file_id")
    where = f"{where}.file_data"
    url = a_text(file["file_data"], where)
    kind, data = _from_data_url(url, where) or (_PDF, url)
    source: Json = {"type": "base64", "media_type": _PDF, "data": data}
    if kind.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": _decoded(data, where)}
    elif kind != _PDF:
        raise refusal(f"Anthropic's models read {_PDF} and text, and no {kind or 'other'}", where)
    name = file.get("filename")
    title = {"title": name} if isinstance(name, str) and name else {}
    return {"type": "document", "source": source, **title}


def _from_data_url(url: str, where: str) -> tuple[str, str] | None:
    """The media type and the base64 of a data URL; None where it is another URL."""
    if url[:5].lower() != "data:":
        return None
    head, comma, data = url[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        raise refusal("a data URL must be written as data:<media type>;base64,<data>", where)
    return head.split(";")[0].lower(), data


def _decoded(data: str, where: str) -> str:
    try:
        return base64.b64decode(data).decode()
    except (binascii.Error, ValueError) as error:
        raise refusal("is no text in UTF-8, in base64", where) from error


# ---------------------------------------------------------------- Responses to chat


def chat_part(part: Json, where: str) -> Json:
    """A content part of Responses as a part of a chat message.

    Raises:
        DialectError: chat completions have nothing like it.
    """
    match kind_of(part, where):
        case "input_text" | "output_text" | "text":
            return text_part(a_text(part.get("text"), f"{where}.text"))
        case "refusal":
            return text_part(a_text(part.get("refusal"), f"{where}.refusal"))
        case "input_image":
            if part.get("image_url") is None:
                raise refusal(_ELSEWHERE, f"{where}.file_id")
            image = {"url": a_text(part["image_url"], f"{where}.image_url")}
            if part.get("detail") in ("low", "high"):
                image["detail"] = part["detail"]
            return {"type": "image_url", "image_url": image}
        case "input_file":
            return _chat_file(part, where)
        case "input_audio":
            sound = an_object(part.get("input_audio"), f"{where}.input_audio")
            return {"type": "input_audio", "input_audio": sound}
        case other:
            raise refusal(f"there is no content part {other!r} here", f"{where}.type")


def _chat_file(part: Json, where: str) -> Json:
    if part.get("file_url") is not None:
        what = "chat completions know no files by URL; send file_data in base64"
        raise refusal(what, f"{where}.file_url")
    if part.get("file_data") is None:
        raise refusal(_ELSEWHERE, f"{where}.file_id")
    file = {"file_data": a_text(part["file_data"], f"{where}.file_data")}
    if part.get("filename") is not None:
        file["filename"] = a_text(part["filename"], f"{where}.filename")
    return {"type": "file", "file": file}
