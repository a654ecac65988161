"""Bounds on a request before anybody has said who they are."""

import asyncio

import pytest
from websockets.asyncio.client import connect

from starved import unless_starved
from test_websocket import served
from tonewise import front_door


async def connected(port):
    return await asyncio.open_connection("127.0.0.1", port)


async def answered(reader) -> bytes:
    async with asyncio.timeout(20):
        return await reader.read()


async def test_headers_without_end_are_refused_and_the_connection_closed():
    async with served() as server:
        reader, writer = await connected(server.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n")
        line = b"x-more: " + b"a" * 1000 + b"\r\n"
        try:
            for _ in range(200):
                writer.write(line)
                await writer.drain()
        except ConnectionError:
            pass
        try:
            told = await answered(reader)
        except ConnectionError:
            told = b"HTTP/1.1 431"
        assert told.startswith(b"HTTP/1.1 431")
        writer.close()


async def test_who_takes_for_ever_to_say_what_they_want_is_shown_out(monkeypatch):
    monkeypatch.setattr(front_door, "HEAD_S", 0.2)
    async with served() as server:
        reader, writer = await connected(server.port)
        writer.write(b"GET /healthz HT")
        assert await answered(reader) == b""
        writer.close()


@unless_starved
async def test_one_connection_serves_many_requests_and_may_rest_between_them(monkeypatch):
    monkeypatch.setattr(front_door, "HEAD_S", 0.2)
    request = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    async with served() as server:
        reader, writer = await connected(server.port)
        for number in range(4):
            last = b"connection: close\r\n" if number == 3 else b""
            writer.write(request + b"x-filler: " + b"a" * 30_000 + b"\r\n" + last + b"\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            assert head.startswith(b"HTTP/1.1 200")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            await asyncio.sleep(0.3)
        writer.close()


@pytest.mark.parametrize("size", [10, 65_500])
async def test_a_long_body_is_no_long_head(size):
    async with served() as server:
        reader, writer = await connected(server.port)
        head = f"POST /v1/feedback HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {size}\r\n"
        writer.write(head.encode() + b"connection: close\r\n\r\n" + b" " * size)
        told = await answered(reader)
        assert told.startswith(b"HTTP/1.1 4")
        assert not told.startswith(b"HTTP/1.1 431")
        writer.close()


POST = b"POST /v1/feedback HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n"


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(front_door, "BODY_S", 0.2)
    async with served() as server:
        reader, writer = await connected(server.port)
        writer.write(POST % 1000 + b"\r\n" + b"{")
        assert (await answered(reader)).startswith(b"HTTP/1.1 408")
        writer.close()


@unless_starved
async def test_a_body_that_drips_is_not_waited_for_and_one_that_flows_is(monkeypatch):
    monkeypatch.setattr(front_door, "BODY_S", 0.3)
    monkeypatch.setattr(front_door, "LEAST_BODY", 2000)

    async def told(piece: bytes) -> bytes:
        async with served() as server:
            reader, writer = await connected(server.port)
            writer.write(POST % 60_000 + b"connection: close\r\n\r\n")
            try:
                for _ in range(60_000 // len(piece)):
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.05)
            except ConnectionError:
                pass
            try:
                return await answered(reader)
            except ConnectionError:
                return b"HTTP/1.1 408"
            finally:
                writer.close()

    assert (await told(b" " * 100)).startswith(b"HTTP/1.1 408")
    flowed = await told(b" " * 4000)
    assert flowed.startswith(b"HTTP/1.1 4")
    assert not flowed.startswith(b"HTTP/1.1 408")


@unless_starved
async def test_a_call_that_is_open_is_no_body_that_does_not_come(monkeypatch):
    monkeypatch.setattr(front_door, "BODY_S", 0.1)
    async with served() as server, connect(f"ws://127.0.0.1:{server.port}/call") as call:
        await asyncio.sleep(0.5)
        await call.ping()
        assert call.state.name == "OPEN"
