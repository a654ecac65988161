"""What providers ask over HTTP, read, and what we answer, written: XML, JSON and forms as text."""

import base64
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from xml.etree import ElementTree

import msgspec

from tonewise.errors import WireError
from tonewise.wire.telephone import INVALID, POLICY, TOO_BIG, Answer, ApiRequest, Asked, Ringing

XML, JSON, FORM = "text/xml; charset=utf-8", "application/json", "application/x-www-form-urlencoded"

BUSY = "All our lines are busy. Please call again in a few minutes."

MOST_BODY = 65_536
"""Bytes of a webhook."""

WINDOW_S = 300
"""A signed request that is older, or from further ahead, is refused (Telnyx's SDK's figure)."""

Element = ElementTree.Element


# ---------------------------------------------------------------- reading


def fields(asked: Asked) -> dict[str, str]:
    """Query and form of a webhook, or its JSON where it is a flat object. The first of each counts.

    Raises:
        WireError: too big, or no text.
    """
    if len(asked.body) > MOST_BODY:
        raise WireError(f"{len(asked.body)} bytes in one webhook", TOO_BIG)
    found = pairs(urlsplit(asked.url).query)
    if asked.body[:1] == b"{":
        try:
            told = msgspec.json.decode(asked.body, type=dict[str, object])
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise WireError("the webhook's JSON cannot be read", INVALID) from error
        found += [(key, str(value)) for key, value in told.items() if isinstance(value, str | int)]
    else:
        found += pairs(asked.body.decode(errors="replace"))
    return dict(reversed(found))


def pairs(text: str) -> list[tuple[str, str]]:
    """A query or a form in its order, empty values kept.

    Raises:
        WireError: it has hundreds of fields.
    """
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=300)
    except ValueError as error:
        raise WireError("the webhook has too many fields", TOO_BIG) from error


def ringing(asked: Asked, call: str, account: str, caller: str, called: str) -> Ringing:
    """The call of a webhook whose fields have these names.

    Raises:
        WireError: it names no call.
    """
    told = fields(asked)
    if not told.get(call):
        raise WireError(f"the webhook names no call: {call} is missing", INVALID)
    return Ringing(
        told[call][:128], told.get(account, ""), told.get(caller, ""), told.get(called, "")
    )


def no_webhook(name: str) -> WireError:
    """For those who open the stream without asking first."""
    return WireError(f"{name} asks for no answer over HTTP; it opens the stream at once", INVALID)


def check_basic(asked: Asked, secret: str) -> str:
    """Does a request bring `user:password` as HTTP Basic authentication (RFC 7617)?

    Raises:
        WireError: it does not.
    """
    wanted = "Basic " + base64.b64encode(secret.encode()).decode()
    given = asked.headers.get("authorization", "")
    if not secret or not hmac.compare_digest(wanted.encode(), given.encode(errors="replace")):
        raise WireError("user name and password are wrong, or missing", POLICY)
    return ""


def check_recent(stamped: float, now: float, window_s: float = WINDOW_S) -> None:
    """Was a request signed just now?

    Raises:
        WireError: it was not.
    """
    if not abs(now - stamped) <= window_s:
        raise WireError(f"the signature is more than {window_s:g} s off our clock", POLICY)


# ---------------------------------------------------------------- writing


def element(tag: str, text: str = "", /, **attributes: str) -> Element:
    """An XML element; what is in it is escaped. Empty attributes are left out."""
    made = ElementTree.Element(tag, {key: plain(text) for key, text in attributes.items() if text})
    made.text = plain(text) or None
    return made


def document(*verbs: Element) -> str:
    """A `<Response>` that does one thing after the other."""
    response = ElementTree.Element("Response")
    response.extend(verbs)
    text = ElementTree.tostring(response, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>{text}'


def plain(text: str) -> str:
    """Text without the control characters that XML 1.0 has no way to write."""
    return "".join(c for c in text if c >= " " and not "\ud800" <= c <= "\udfff" and c < "\ufffe")


def xml(*verbs: Element) -> Answer:
    """An answer in XML."""
    return Answer(XML, document(*verbs))


def json(value: object, status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(JSON, msgspec.json.encode(value).decode(), status)


def unavailable() -> Answer:
    """For those who cannot be told in words: HTTP 503."""
    return Answer("text/plain; charset=utf-8", BUSY + "\n", 503)


def form(url: str, given: Mapping[str, str], user: str) -> ApiRequest:
    """A form to the provider's API, with Basic authentication."""
    return ApiRequest("POST", url, FORM, urlencode(given), "basic", user)


def is_sip(to: str) -> bool:
    """Is `to` a SIP address rather than a telephone number?"""
    return to.lower().startswith(("sip:", "sips:"))


def path(part: str) -> str:
    """One part of a URL's path: what a provider names cannot lead elsewhere."""
    return quote(part, safe="")
