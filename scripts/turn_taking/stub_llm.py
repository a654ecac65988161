"""A model provider on a real socket, in OpenAI's format, that behaves as its address says.

/instant/…        a short reply at once
/after-400/…      the same, after so many milliseconds
/long/…           a long reply, at about 100 words a second
/stalls/…         a head, a role, keep-alives, and never a word
GET /asked        what was asked since the last time: JSON

Prints its port and serves until it is killed.
"""

import asyncio
import json
import time
from contextlib import suppress

SHORT = "Of course. Your order left our warehouse on Monday."
LONG = (
    "Thank you for asking, I have found your order in our system. "
    "It left our warehouse on Monday morning and went to the regional depot near the river. "
    "From there the driver takes it to your town, where a neighbour may sign for you. "
    "If nobody is at home, a card is left in the letter box with all that you need to know. "
    "You may also choose another place, such as the bakery at the corner of the market square. "
    "They are open from early in the morning until late in the evening, even on Saturdays."
)
MEDIUM = (
    "Thank you for asking, I have found your order in our system. "
    "It left our warehouse on Monday morning and will be with you tomorrow."
)


class Provider:
    """Answers, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, object]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request after request."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                lengths = [
                    int(line[15:]) for line in head if line.lower()[:15] == "content-length:"
                ]
                if head[0].startswith("HEAD "):  # the server wakes its models
                    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    continue
                body = await reader.readexactly(lengths[0] if lengths else 0)
                await self._answer(head[0].split(" ")[1], body, writer)
        writer.transport.abort()

    async def _answer(self, path: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        if path == "/asked":
            told, self.asked = json.dumps(self.asked).encode(), []
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(told), told))
            await writer.drain()
            return
        behaviour = path.split("/")[1]
        asked = {"at": time.perf_counter(), "how": behaviour}
        self.asked.append(asked | {"messages": json.loads(body)["messages"]})
        if behaviour.startswith("after-"):
            await asyncio.sleep(int(behaviour.removeprefix("after-")) / 1000)
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        send(writer, {"role": "assistant", "content": ""})
        if behaviour == "stalls":
            while not writer.transport.is_closing():
                chunk(writer, b": keep-alive\n\n")
                await writer.drain()
                await asyncio.sleep(0.2)
            return
        texts = {"long": LONG, "medium": MEDIUM}
        for number, word in enumerate(texts.get(behaviour, SHORT).split(" ")):
            send(writer, {"content": f" {word}" if number else word})
            await writer.drain()
            await asyncio.sleep(0.01 if behaviour in texts else 0)
        send(writer, {}, "stop")
        chunk(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()


def send(writer: asyncio.StreamWriter, delta: dict[str, str], finish: str | None = None) -> None:
    """One event of a chat completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    event = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "stub"}
    chunk(writer, b"data: %s\n\n" % json.dumps(event | {"choices": [choice]}).encode())


def chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    """One chunk of HTTP/1.1."""
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))


async def main() -> None:
    """Serve on a free port."""
    server = await asyncio.start_server(Provider().serve, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
