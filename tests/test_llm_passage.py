"""Our HTTP to providers, against servers that speak it well, badly, and for somebody else."""

import asyncio
import json
import socket
import ssl
import subprocess
import threading
import time
from contextlib import suppress

import pytest

from starved import unless_starved
from tonewise.errors import AttemptError
from tonewise.llm import connection, passage
from tonewise.llm.passage import Passages, way
from tonewise.llm.upstream import HasUpstream, Upstream
from tonewise.plugins import load
from upstream import openai_says, upstream

OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"


def there(up, **more):
    return Upstream(
        "chat", f"{up.url}/v1/x?a=1", {"authorization": "Bearer sk-12345678"}, {}, **more
    )


async def asked(passages, to, body=b"{}", **more):
    return await passages.open(to, body, stream=True, headers={}, **more)


@pytest.fixture
async def passages():
    made = Passages()
    yield made
    await made.aclose()


def says(*pieces, then_close=False):
    async def behave(peer):
        for piece in pieces:
            await peer.send(piece)
            await asyncio.sleep(0.01)
        if then_close:
            peer.hang_up()

    return behave


# ---------------------------------------------------------------- well


async def test_a_request_is_what_was_asked_and_the_answer_comes_as_it_is(passages):
    async with upstream(openai_says("Hi.")) as up:
        answer = await asked(passages, there(up), b'{"a":1}')
        whole = await answer.whole()
        assert b'"Hi."' in whole
        assert whole.endswith(b"data: [DONE]\n\n")
        (peer,) = up.requests
        assert peer.path == "/v1/x?a=1"
        assert peer.json == {"a": 1}
        assert peer.headers["authorization"] == "bearer sk-12345678"
        assert peer.headers["host"] == up.url.removeprefix("http://")
        assert peer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "pieces",
    [
        (OK + b"content-length: 4\r\n\r\n", b"wo", b"rd"),
        (OK + b"transfer-encoding: chunked\r\n\r\n2\r\nwo\r", b"\n2\r\nrd\r\n0\r\n", b"\r\n"),
        (b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n" + OK + b"content-length: 4\r\n\r\nword",),
    ],
    ids=["length", "chunks", "interim"],
)
async def test_a_connection_whose_answer_was_read_is_used_again(passages, pieces):
    async with upstream(says(*pieces)) as up:
        for _ in range(3):
            answer = await asked(passages, there(up))
            assert await answer.whole() == b"word"
            await answer.aclose()
        assert up.connections == 1


async def test_an_answer_without_a_length_ends_with_its_connection(passages):
    async with upstream(says(OK + b"\r\nwo", b"rd", then_close=True)) as up:
        answer = await asked(passages, there(up))
        assert await answer.whole() == b"word"


async def test_a_reader_that_is_slow_makes_the_server_wait(passages):
    size = 32 << 20

    async def floods(peer):
        await peer.send(OK + b"content-length: %d\r\n\r\n" % size)
        for _ in range(size // 65_536):
            await peer.send(b"x" * 65_536)
        peer.server.done = True

    async with upstream(floods) as up:
        answer = await asked(passages, there(up))
        await asyncio.sleep(0.3)
        assert not hasattr(up, "done")
        first = await answer.read()
        assert len(first) <= 2 * connection.MOST_UNREAD + 1_048_576
        assert len(first) + len(await answer.whole()) == size


# ---------------------------------------------------------------- badly


@pytest.mark.parametrize(
    ("behave", "outcome", "words"),
    [
        (says(b"SSH-2.0-OpenSSH\r\n"), "garbled", "does not speak HTTP"),
        (says(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000), "garbled", "headers"),
        (says(OK, then_close=True), "unreachable", "before an answer"),
        (
            says(b"HTTP/1.1 302 Found\r\nlocation: /y\r\ncontent-length: 0\r\n\r\n"),
            "refused",
            "302",
        ),
        (
            says(OK + b"content-encoding: gzip\r\ncontent-length: 0\r\n\r\n"),
            "garbled",
            "packed",
        ),
    ],
)
async def test_what_is_no_answer_is_told_as_what_it_is(passages, behave, outcome, words):
    async with upstream(behave) as up:
        with pytest.raises(AttemptError, match=words) as told:
            await asked(passages, there(up))
        assert told.value.outcome == outcome


@pytest.mark.parametrize(
    "head", [b"content-length: 9\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n4\r\n"]
)
async def test_an_answer_that_ends_too_early_is_broken_not_whole(passages, head):
    async with upstream(says(OK + head + b"word\r\n", then_close=True)) as up:
        answer = await asked(passages, there(up))
        with pytest.raises(AttemptError, match="broke in the reply") as told:
            await answer.whole()
        assert told.value.outcome == "upstream_error"


async def test_a_place_that_cannot_be_reached_is_told_within_its_time(passages):
    began = time.monotonic()
    for url in ("http://127.0.0.1:9/", "http://no-such-host.invalid/"):
        to = Upstream("chat", url, {}, {}, connect_s=1.0)
        with pytest.raises(AttemptError, match="no way in") as told:
            await asked(passages, to)
        assert told.value.outcome == "unreachable"
    assert time.monotonic() - began < 20


async def test_no_error_holds_the_key(passages):
    async def echoes(peer):
        await peer.answer(401, {"error": {"message": "Wrong key sk-12345678, sorry."}})

    async with upstream(echoes) as up:
        with pytest.raises(AttemptError, match=r"Wrong key \[key\], sorry") as told:
            await asked(passages, there(up))
        assert told.value.outcome == "refused"
        assert "sk-12345678" not in repr(there(up))


# ---------------------------------------------------------------- for somebody else


@pytest.mark.parametrize("later", [True, False])
@unless_starved
async def test_a_second_answer_never_becomes_the_next_requests(passages, later):
    one = OK + b"content-length: 4\r\n\r\nword"
    stray = OK + b"content-length: 5\r\n\r\nstray"
    pieces = (one, stray) if later else (one + stray,)
    async with upstream(says(*pieces)) as up:
        for _ in range(2):
            answer = await asked(passages, there(up))
            assert await answer.whole() == b"word"
            await answer.aclose()
            await asyncio.sleep(0.05)
        assert up.connections == 2


async def test_an_answer_that_is_closed_twice_gives_its_connection_back_once(passages):
    async with upstream(says(OK + b"content-length: 4\r\n\r\nword")) as up:
        first = await asked(passages, there(up))
        assert await first.whole() == b"word"
        await first.aclose()
        await first.aclose()
        second, third = [await asked(passages, there(up)) for _ in range(2)]
        assert await second.whole() == await third.whole() == b"word"
        assert up.connections == 2


async def test_a_connection_that_was_left_early_is_closed(passages):
    async def endless(peer):
        await peer.send(OK + b"content-length: 99\r\n\r\nword")
        await peer.stall()

    async with upstream(endless) as up:
        answer = await asked(passages, there(up))
        assert await answer.read() == b"word"
        await answer.aclose()
        async with asyncio.timeout(20):
            await up.left.wait()


# ---------------------------------------------------------------- TLS and proxies


def certified(folder):
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout key -out cert"
    name = ["-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", *words.split(), *name]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


async def test_a_certificate_that_nobody_vouches_for_is_not_believed(passages, tmp_path):
    if not certified(tmp_path):
        pytest.skip("no openssl here")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    heard = []

    async def serve(reader, writer):
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK + b"content-length: 4\r\n\r\nword")
        await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        with pytest.raises(AttemptError, match="no way in") as told:
            await asked(passages, Upstream("chat", url, {}, {}))
        assert told.value.outcome == "unreachable"
        assert heard == []
        way.cache_clear()
        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(passage, "trusted_roots", lambda: trusting)
            answer = await asked(passages, Upstream("chat", url, {}, {}))
        assert await answer.whole() == b"word"
        await answer.aclose()
    finally:
        way.cache_clear()
        server.close()


class Silent:
    """A server that makes a TLS connection, and never says that it is over."""

    def __init__(self, folder):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "cert", folder / "key")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.left = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        made, _ = self._listener.accept()
        secured = self._context.wrap_socket(made, server_side=True)
        with socket.socket(fileno=secured.detach()) as bare, suppress(ConnectionError):
            while bare.recv(1024):
                pass
        self.left.set()
        self._listener.close()


async def test_who_goes_in_the_moment_in_which_a_connection_is_made_leaves_none_behind(
    monkeypatch, tmp_path
):
    if not certified(tmp_path):
        pytest.skip("no openssl here")
    server, pool = Silent(tmp_path), connection.Connections()
    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert"))
    place = connection.Place("127.0.0.1", server.port, trusting, 20.0)
    made = connection.Connection.connection_made

    def made_and_gone(self, transport):
        made(self, transport)
        taking.cancel()

    monkeypatch.setattr(connection.Connection, "connection_made", made_and_gone)
    taking = asyncio.ensure_future(pool.take(place))
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert await asyncio.to_thread(server.left.wait, 15), "the connection is open"
    pool.close()


async def test_a_proxy_of_the_environment_is_asked(monkeypatch):
    seen = []

    async def proxies(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        seen.append(head.splitlines()[0])
        await reader.readexactly(int(head.lower().split("content-length: ")[1].split("\r\n")[0]))
        writer.write(OK + b"content-length: 4\r\n\r\nword")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(proxies, "127.0.0.1", 0)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    way.cache_clear()
    passages = Passages()
    try:
        answer = await asked(passages, Upstream("chat", "http://models.example/v1/x", {}, {}))
        assert await answer.whole() == b"word"
        await answer.aclose()
        assert seen == ["POST http://models.example/v1/x HTTP/1.1"]
    finally:
        way.cache_clear()
        await passages.aclose()
        server.close()


# ---------------------------------------------------------------- what is sent


def test_engines_behind_http_say_where_they_are_and_scripted_ones_do_not():
    options = {"model": "m", "api_key_env": "", "base_url": "http://x/v1", "temperature": 0.3}
    chat = load("llm", "openai_compatible", options)
    claude = load("llm", "anthropic", {"model": "c", "api_key_env": "", "base_url": "http://x"})
    assert isinstance(chat, HasUpstream)
    assert isinstance(claude, HasUpstream)
    assert not isinstance(load("llm", "demo"), HasUpstream)
    assert (chat.upstream.url, chat.upstream.dialect) == ("http://x/v1/chat/completions", "chat")
    assert (claude.upstream.url, claude.upstream.dialect) == ("http://x/v1/messages", "messages")
    body = json.loads(chat.upstream.body({"model": "auto", "top_p": 1}, stream=True))
    assert body == {
        "model": "m",
        "top_p": 1,
        "temperature": 0.3,
        "stream_options": {"include_usage": True},
    }
    assert json.loads(claude.upstream.body({"model": "auto"}, stream=True)) == {"model": "c"}


# ---------------------------------------------------------------- worse


async def test_a_server_that_switches_protocols_is_garbled_and_breaks_nothing(passages):
    switches = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    troubles = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: troubles.append(what))
    async with upstream(says(switches)) as up:
        with pytest.raises(AttemptError, match="does not speak HTTP") as told:
            await asked(passages, there(up))
        assert told.value.outcome == "garbled"
    assert troubles == []


async def test_what_a_server_adds_behind_its_answer_is_not_kept(passages):
    trailer = b"x-%d: y\r\n"
    pieces = [OK + b"transfer-encoding: chunked\r\n\r\n4\r\nword\r\n0\r\n", trailer % 1]
    async with upstream(says(*pieces, trailer % 2 + b"content-type: text/html\r\n\r\n")) as up:
        answer = await asked(passages, there(up))
        assert await answer.whole() == b"word"
        headers = answer._answer.headers
        assert headers["content-type"] == "text/event-stream"
        assert not [name for name in headers if name.startswith("x-")]


def test_a_place_with_tls_is_another_place_than_one_without():
    _, plain = way("http://127.0.0.1:8443/v1", 3.0)
    _, secret = way("https://127.0.0.1:8443/v1", 3.0)
    assert plain != secret


async def test_an_error_tells_why_there_is_no_way_in_and_not_where_to(passages):
    for url in ("http://127.0.0.1:9/", "http://localhost:9/"):
        with pytest.raises(AttemptError, match="no way in") as told:
            await asked(passages, Upstream("chat", url, {}, {}, connect_s=1.0))
        assert "refused" in str(told.value)
        assert "127.0.0.1" not in str(told.value)
        assert "::1" not in str(told.value)


def answers_once(how_the_second_ends):
    async def behave(peer):
        if peer.server.connections > 1 or len(peer.server.requests) == 1:
            await peer.send(OK + b"content-length: 4\r\n\r\nword")
        else:
            await how_the_second_ends(peer)

    return behave


async def test_a_kept_connection_that_the_server_has_given_up_costs_no_try(passages):
    async def hangs_up(peer):
        peer.hang_up()

    async with upstream(answers_once(hangs_up)) as up:
        for _ in range(2):
            answer = await asked(passages, there(up))
            assert await answer.whole() == b"word"
            await answer.aclose()
        assert up.connections == 2


async def test_a_server_that_dies_over_a_request_is_not_asked_the_same_again(passages, monkeypatch):
    monkeypatch.setattr(passage, "_STALE_S", 0.1)

    async def dies(peer):
        await asyncio.sleep(0.3)
        peer.crash()

    async with upstream(answers_once(dies)) as up:
        answer = await asked(passages, there(up))
        assert await answer.whole() == b"word"
        await answer.aclose()
        with pytest.raises(AttemptError, match="before an answer"):
            await asked(passages, there(up))
        assert len(up.requests) == 2


async def test_a_new_connection_that_breaks_is_a_failed_try(passages):
    async def hangs_up(peer):
        peer.hang_up()

    async with upstream(hangs_up) as up:
        with pytest.raises(AttemptError, match="before an answer"):
            await asked(passages, there(up))
        assert len(up.requests) == 1
