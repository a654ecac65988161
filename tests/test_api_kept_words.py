"""What a model answered a client is kept where transcripts are, and nowhere else."""

import asyncio
import json

import httpx2
import pytest

from api_server import api_server, chat_model, scripted_model
from tonewise.config import Config
from tonewise.llm import reply_words
from tonewise.llm.reply_words import LONGEST, ReplyWords, within
from tonewise.operating import Profile, Store
from tonewise.records import Replied
from tonewise.server import running
from tonewise.settings import Server, Stt, Vad
from tonewise.store.found import Query
from tonewise.store.reading import open_reading
from translating import BOTH, asks_for_weather, serving
from translating import chat_model as chatting
from translating import messages_model as messaging
from upstream import breaks_off, falls_silent, openai_chunk, upstream

HI = [{"role": "user", "content": "Hi"}]
ASKED = {
    "chat/completions": {"messages": HI},
    "messages": {"messages": HI, "max_tokens": 50},
    "responses": {"input": "Hi"},
}
WORDS = Store(transcripts=True)


async def ask(url: str, path: str, *, stream: bool) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        body = {"model": "m", "stream": stream, **ASKED[path]}
        answer = await http.post(f"{url}/v1/{path}", json=body)
        assert answer.status_code == 200, answer.text


def replied(server) -> list[str | None]:
    return [each.replied for each in server.records if isinstance(each, Replied)]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("dialect", ["chat", "messages"])
async def test_a_reply_is_kept_whoever_gave_it_and_however_it_was_asked_for(dialect, path, stream):
    async with serving(("m", dialect, BOTH[dialect]), store=WORDS) as server:
        await ask(server.url, path, stream=stream)
        assert replied(server) == ["Hello there, friend."]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_without_transcripts_nobody_reads_along(stream, monkeypatch):
    def never(*_):
        raise AssertionError("somebody reads along")

    monkeypatch.setattr(reply_words.ReplyWords, "__init__", never)
    async with serving(("m", "chat", BOTH["chat"])) as server:
        await ask(server.url, "chat/completions", stream=stream)
        assert replied(server) == [None]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("dialect", ["chat", "messages"])
async def test_thoughts_and_calls_of_tools_are_no_words(dialect, stream):
    thinks = {
        "chat": chatting({"reasoning_content": "Hm, secret.", "content": "Yes."}),
        "messages": messaging(
            [
                {"type": "thinking", "thinking": "Hm, secret.", "signature": "s"},
                {"type": "text", "text": "Yes."},
            ]
        ),
    }
    async with serving(("m", dialect, thinks[dialect]), store=WORDS) as server:
        await ask(server.url, "chat/completions", stream=stream)
        assert replied(server) == ["Yes."]
    calls = asks_for_weather(dialect, {"c1": "Rome"}, "Sunny.")
    async with serving(("m", dialect, calls), store=WORDS) as server:
        await ask(server.url, "chat/completions", stream=stream)
        assert replied(server) == ["Let me look."]


async def test_an_engine_without_http_is_listened_to_as_well():
    async with api_server(scripted_model("m", "All right."), store=WORDS) as server:
        for stream in (True, False):
            await ask(server.url, "chat/completions", stream=stream)
        assert replied(server) == ["All right."] * 2


async def test_of_a_reply_that_broke_off_what_was_said_is_kept():
    async with (
        upstream(breaks_off(falls_silent, "One", " two")) as up,
        api_server(chat_model("m", up.url), store=WORDS) as server,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        body = {"model": "m", "stream": True, "messages": HI}
        url = f"{server.url}/v1/chat/completions"
        async with http.stream("POST", url, json=body) as answer:
            told = b""
            async for piece in answer.aiter_raw():
                told += piece
                if b" two" in told:
                    break
        async with asyncio.timeout(5):
            while not server.of(Replied):
                await asyncio.sleep(0.01)
        assert server.of(Replied)[0].outcome == "interrupted"
        assert replied(server) == ["One two"]


async def test_the_words_of_the_very_last_chunk_are_kept_and_of_several_replies_the_first():
    async def ends_with_words(peer):
        await peer.head()
        first = openai_chunk({"content": "Good"})
        first["choices"].append({"index": 1, "delta": {"content": "Bad"}, "finish_reason": None})
        await peer.event(first)
        await peer.event(openai_chunk({"content": " bye."}, finish="stop"))
        await peer.event("[DONE]")
        await peer.end()

    async with (
        upstream(ends_with_words) as up,
        api_server(chat_model("m", up.url), store=WORDS) as server,
    ):
        await ask(server.url, "chat/completions", stream=True)
        assert replied(server) == ["Good bye."]


async def test_numbers_and_addresses_in_replies_are_masked_as_those_of_calls_are(tmp_path):
    store = Store(url=f"sqlite:///{tmp_path}/store.db", transcripts=True)
    said = "Your card 4111 1111 1111 1111 is fine, Jane (jane@example.org)."
    async with upstream(chatting({"content": said})) as up:
        options = {"model": "m", "base_url": f"{up.url}/v1", "api_key_env": ""}
        config = Config(
            server=Server(port=0),
            vad=Vad(use="webrtc"),
            stt=Stt(use="scripted", options={"lines": ["Hi."]}),
            models=(chat_model("m", up.url, options=options),),
            store=store,
            profile=Profile(warm_up=False),
        )
        async with running(config, environ={}) as server:
            await ask(server.url.rstrip("/"), "chat/completions", stream=True)
    reading = open_reading(store, {})
    (row,) = reading.decisions(Query()).rows
    kept = reading.decision(row.decision).reply.replied
    reading.close()
    assert kept == "Your card #### #### #### #### is fine, Jane (################)."


# ---------------------------------------------------------------- the reader itself


def event(text: str) -> bytes:
    return b"data: " + json.dumps(openai_chunk({"content": text})).encode() + b"\n\n"


def test_a_long_reply_is_kept_up_to_a_bound_and_then_not_even_read(monkeypatch):
    words = ReplyWords("chat")
    for number in range(LONGEST):
        words.feed(event(f"word{number} "))
    assert LONGEST - 20 < len(words.text) <= LONGEST
    monkeypatch.setattr(reply_words, "data_of", None)
    words.feed(event("more"))


def test_what_is_no_json_breaks_nothing():
    words = ReplyWords("chat")
    for junk in (
        b"data: {not json\n\n",
        b": hello\n\n",
        b"data: [1]\n\n",
        b'data: {"choices":3}\n\n',
    ):
        words.feed(junk + event("One "))
    assert words.text == "One One One One"
    words = ReplyWords("messages")
    words.whole(b"[]")
    words.whole(b'{"content": [1, {"type": "text"}, {"type": "text", "text": "Yes."}]}')
    assert words.text == "Yes."


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("short", "short"),
        ("my card is 4111 1111 1111", "my card is"),
        ("write to jane.doe@example.org", "write to"),
        ("漢" * 30, "漢" * 20),
    ],
)
def test_a_text_is_cut_before_a_number_or_an_address_never_within(text, kept):
    assert within(text, 20) == kept
