"""What a client gets when models fail, fall silent or break off, and what they get when it goes."""

import asyncio
import json
import time

import httpx2
import openai
import pytest

from api_server import api_server, chat_model, claude_model, scripted_model
from starved import unless_starved
from tonewise.default_models import Attempts
from tonewise.operating import Api
from tonewise.records import Decided, Replied, Tried
from upstream import (
    FAULTS,
    ROLE_ONLY,
    anthropic_delta,
    breaks_off,
    errs,
    falls_silent,
    hangs_up,
    is_busy,
    is_down,
    openai_chunk,
    openai_says,
    refuses,
    speaks_after,
    stalls_after_its_role,
    upstream,
)

HELLO = [{"role": "user", "content": "Hello."}]
ASKED = {"model": "first", "models": ["second"], "messages": HELLO, "stream": True}
NO_SECOND_TRY = Attempts(second_tries=0)


def pair(bad, good, **more):
    return chat_model("first", bad.url, first_token=0.3, **more), chat_model("second", good.url)


async def streamed(server, body=ASKED) -> tuple[httpx2.Response, list[dict]]:
    async with httpx2.AsyncClient(timeout=60) as client:
        answer = await client.post(f"{server.url}/v1/chat/completions", json=body)
    lines = [line[6:] for line in answer.text.split("\n\n") if line.startswith("data: {")]
    return answer, [json.loads(line) for line in lines]


def text_of(chunks: list[dict]) -> str:
    return "".join(
        choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]
    )


# ---------------------------------------------------------------- before the first word


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@unless_starved
async def test_a_model_that_fails_before_its_first_word_is_stood_in_for(fault):
    async with (
        upstream(fault) as bad,
        upstream(openai_says("I", " can.")) as good,
        api_server(*pair(bad, good)) as server,
    ):
        answer, chunks = await streamed(server)
        assert text_of(chunks) == "I can."
        assert answer.headers["tonewise-attempts"] == "2"
        assert answer.headers["tonewise-model"] == "second"
        first, second = chunks[-1]["tonewise"]["attempts"]
        assert (first["model"], first["outcome"], first["success"]) == (
            "first",
            FAULTS[fault],
            False,
        )
        assert second["success"] is True
        assert [each.outcome for each in server.of(Tried)] == [FAULTS[fault], "answered"]


@pytest.mark.parametrize("fault", [is_busy, is_down, refuses], ids=lambda fault: fault.__name__)
async def test_a_whole_answer_is_stood_in_for_as_well(fault):
    async with (
        upstream(fault) as bad,
        api_server(chat_model("first", bad.url), scripted_model("second", "I can.")) as server,
        openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="k", max_retries=0) as client,
    ):
        answer = await client.chat.completions.create(
            model="first", messages=HELLO, extra_body={"models": ["second"]}
        )
        assert answer.choices[0].message.content == "I can."
        assert [each["model"] for each in answer.tonewise["attempts"]] == ["first", "second"]


@unless_starved
async def test_a_role_and_keep_alives_are_no_useful_token_and_a_tool_call_is():
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}

    async def thinks_after_its_call(peer):
        await peer.head()
        await peer.event(ROLE_ONLY)
        await peer.event(openai_chunk({"tool_calls": [call]}))
        await asyncio.sleep(0.6)
        await peer.event(openai_chunk({}, finish="tool_calls"))
        await peer.event("[DONE]")
        await peer.end()

    async with (
        upstream(stalls_after_its_role) as bad,
        upstream(thinks_after_its_call) as good,
        api_server(*pair(bad, good), chat_model("calls", good.url, first_token=0.3)) as server,
    ):
        _, chunks = await streamed(server, {**ASKED, "models": ["calls"]})
        assert chunks[-1]["tonewise"]["model"] == "calls"
        assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
        assert server.of(Tried)[0].outcome == "no_first_token"


@pytest.mark.parametrize("wish", ["200ms", "0.2s", 0.2])
@unless_starved
async def test_the_limit_that_a_request_sets_itself_is_kept(wish):
    async with (
        upstream(speaks_after(60, "Late.")) as slow,
        upstream(openai_says("Here.")) as good,
        api_server(chat_model("first", slow.url), chat_model("second", good.url)) as server,
    ):
        began = time.monotonic()
        _, chunks = await streamed(server, {**ASKED, "ttft_timeout": wish})
        assert text_of(chunks) == "Here."
        assert 0.2 <= time.monotonic() - began < 20
        assert slow.left.is_set() or server.of(Tried)[0].outcome == "no_first_token"


@unless_starved
async def test_the_last_model_has_its_own_time_whatever_the_request_allows():
    async with (
        upstream(speaks_after(0.5, "Slow but here.")) as slow,
        api_server(chat_model("first", slow.url)) as server,
    ):
        body = {"model": "first", "messages": HELLO, "stream": True, "ttft_timeout": "100ms"}
        _, chunks = await streamed(server, body)
        assert text_of(chunks) == "Slow but here."


@unless_starved
async def test_a_whole_reply_may_take_its_models_time_and_longer_where_nobody_else_is():
    async def takes_its_time(peer):
        await asyncio.sleep(0.8)
        message = {"role": "assistant", "content": "At last."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        await peer.answer(200, {"choices": [choice]})

    async with (
        upstream(takes_its_time) as slow,
        api_server(
            chat_model("first", slow.url, total=0.3), scripted_model("second", "At once.")
        ) as server,
        httpx2.AsyncClient(timeout=60) as client,
    ):
        url = f"{server.url}/v1/chat/completions"
        both = await client.post(url, json={**ASKED, "stream": False})
        assert both.json()["choices"][0]["message"]["content"] == "At once."
        alone = await client.post(url, json={"model": "first", "messages": HELLO})
        assert alone.json()["choices"][0]["message"]["content"] == "At last."


@unless_starved
async def test_an_empty_reply_is_no_reply():
    async with (
        upstream(openai_says()) as bad,
        upstream(openai_says("I can.")) as good,
        api_server(*pair(bad, good)) as server,
    ):
        _, chunks = await streamed(server)
        assert text_of(chunks) == "I can."
        assert server.of(Tried)[0].outcome == "no_first_token"


async def test_a_reply_that_is_empty_because_its_limit_is_used_up_is_passed_on():
    async def thinks_too_long(peer):
        await peer.head()
        await peer.event(openai_chunk({}, finish="length"))
        await peer.event("[DONE]")
        await peer.end()

    async with (
        upstream(thinks_too_long) as up,
        api_server(chat_model("first", up.url)) as server,
    ):
        _, chunks = await streamed(server, {"model": "first", "messages": HELLO, "stream": True})
        assert chunks[-1]["choices"][0]["finish_reason"] == "length"
        assert server.of(Tried)[0].outcome == "answered"


# ---------------------------------------------------------------- nobody answers


@unless_starved
async def test_when_all_are_busy_the_client_is_told_so_and_when_to_come_back():
    async with (
        upstream(is_busy) as busy,
        api_server(chat_model("first", busy.url), chat_model("second", busy.url)) as server,
        openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="k", max_retries=0) as client,
    ):
        with pytest.raises(openai.RateLimitError, match="first was busy") as told:
            await client.chat.completions.create(
                model="first", messages=HELLO, extra_body={"models": ["second"]}
            )
        assert told.value.response.headers["retry-after"] in ("7", "8")
        assert told.value.response.headers["tonewise-decision"].startswith("dec_")
        assert len(told.value.response.json()["tonewise"]["attempts"]) == 2
        assert server.of(Replied)[0].outcome == "failed"


@pytest.mark.parametrize(
    ("fault", "status"),
    [(is_down, 502), (stalls_after_its_role, 504), (refuses, 502)],
    ids=lambda value: getattr(value, "__name__", value),
)
@unless_starved
async def test_a_model_that_fails_alone_is_an_error_that_says_how(fault, status):
    async with (
        upstream(fault) as bad,
        api_server(
            chat_model("first", bad.url, first_token=0.2),
            attempts=Attempts(second_tries=0, silence=1.0),
        ) as server,
    ):
        answer, _ = await streamed(server, {"model": "first", "messages": HELLO, "stream": True})
        assert answer.status_code == status
        error = answer.json()["error"]
        assert "first" in error["message"]
        assert error["code"] == FAULTS[fault]


async def test_what_is_wrong_with_the_request_itself_is_the_clients_400():
    async def refuses_the_schema(peer):
        await peer.answer(400, {"error": {"message": "Invalid schema for function 'f'"}})

    async with (
        upstream(refuses_the_schema) as up,
        api_server(chat_model("first", up.url)) as server,
    ):
        answer, _ = await streamed(server, {"model": "first", "messages": HELLO})
        assert answer.status_code == 400
        assert "Invalid schema for function 'f'" in answer.json()["error"]["message"]


@unless_starved
async def test_a_model_that_failed_often_rests_for_calls_and_requests_alike():
    async with (
        upstream(is_down) as bad,
        upstream(openai_says("I can.")) as good,
        api_server(*pair(bad, good), attempts=Attempts(faults=2)) as server,
    ):
        for _ in range(3):
            await streamed(server)
        assert len(bad.requests) == 2
        assert server.engines.targets["first"].breaker.state == "open"
        assert server.of(Tried)[-2].outcome == "skipped"


@unless_starved
async def test_where_all_rest_each_is_asked_once_the_one_that_is_due_first_first():
    async with (
        upstream(is_down) as bad,
        upstream(openai_says("I can.")) as good,
        api_server(*pair(bad, good), scripted_model("third")) as server,
    ):
        now = asyncio.get_running_loop().time()
        for name, cooldown_s in (("first", 10), ("third", 30), ("second", 20)):
            server.engines.targets[name].breaker.failed(now, "HTTP 503", cooldown_s)
        _, chunks = await streamed(server, {**ASKED, "models": ["third", "second"]})
        assert text_of(chunks) == "I can."
        assert [(each.model, each.outcome) for each in server.of(Tried)] == [
            ("first", "skipped"),
            ("third", "skipped"),
            ("second", "skipped"),
            ("first", "upstream_error"),
            ("second", "answered"),
        ]


async def test_a_passing_fault_of_the_only_model_is_tried_again():
    async def fails_once(peer):
        await (is_down if len(peer.server.requests) == 1 else openai_says("Again."))(peer)

    async with (
        upstream(fails_once) as up,
        api_server(chat_model("first", up.url)) as server,
    ):
        _, chunks = await streamed(server, {"model": "first", "messages": HELLO, "stream": True})
        assert text_of(chunks) == "Again."


async def test_a_key_of_ours_is_in_nothing_that_the_client_sees(monkeypatch):
    secret = "sk-a-very-secret-key-0123456789"
    monkeypatch.setenv("SOME_KEY", secret)

    async def tells_the_key(peer):
        told = peer.raw_headers[
            "authorization" if "authorization" in peer.raw_headers else "Authorization"
        ]
        await peer.answer(401, {"error": {"message": f"Incorrect API key provided: {told}"}})

    async with (
        upstream(tells_the_key) as up,
        api_server(chat_model("first", up.url, options={"api_key_env": "SOME_KEY"})) as server,
    ):
        answer, _ = await streamed(server, {"model": "first", "messages": HELLO, "stream": True})
        assert answer.status_code == 502
        assert "[key]" in answer.text
        assert secret[3:] not in answer.text + str(answer.headers) + repr(server.records)


# ---------------------------------------------------------------- after the first word


async def errs_later(peer):
    await asyncio.sleep(0.2)
    await errs(peer)


async def hangs_up_later(peer):
    await asyncio.sleep(0.2)
    await hangs_up(peer)


@pytest.mark.parametrize(
    "then", [hangs_up_later, errs_later, falls_silent], ids=lambda f: f.__name__
)
@unless_starved
async def test_after_the_first_word_a_fault_is_told_in_the_stream_and_nobody_else_is_asked(then):
    async with (
        upstream(breaks_off(then, "One", " two")) as bad,
        upstream(openai_says("Never.")) as good,
        api_server(
            chat_model("first", bad.url, stall=0.3),
            chat_model("second", good.url),
            attempts=Attempts(silence=0.3),
        ) as server,
        openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="k", max_retries=0) as client,
    ):
        heard = []
        with pytest.raises(openai.APIError, match="first broke off"):
            async for chunk in await client.chat.completions.create(
                model="first", messages=HELLO, stream=True, extra_body={"models": ["second"]}
            ):
                heard += [choice.delta.content or "" for choice in chunk.choices]
        assert "".join(heard) == "One two"
        assert good.requests == []
        assert [each.outcome for each in server.of(Tried)] == ["cut_short"]
        assert [each.outcome for each in server.of(Replied)] == ["cut_short"]


@pytest.mark.parametrize(
    ("stall", "silence"), [(0.2, 30.0), (30.0, 0.2)], ids=["silence is longer", "stall is longer"]
)
@unless_starved
async def test_a_pause_in_a_reply_that_nobody_could_take_over_ends_it_only_when_both_are_over(
    stall, silence
):
    async def pauses(peer):
        await peer.head()
        await peer.event(openai_chunk({"content": "One"}))
        await asyncio.sleep(0.6)
        await peer.event(openai_chunk({"content": " two."}))
        await peer.event(openai_chunk({}, finish="stop"))
        await peer.event("[DONE]")
        await peer.end()

    async with (
        upstream(pauses) as up,
        api_server(
            chat_model("first", up.url, stall=stall), attempts=Attempts(silence=silence)
        ) as server,
    ):
        body = {"model": "first", "messages": HELLO, "stream": True}
        _, chunks = await streamed(server, body)
        assert text_of(chunks) == "One two."
        assert [each.outcome for each in server.of(Tried)] == ["answered"]


@unless_starved
async def test_a_fault_that_comes_with_the_first_word_has_reached_nobody_and_is_stood_in_for():
    async def errs_at_once(peer):
        await peer.head()
        events = [openai_chunk({"content": "One"}), {"error": {"message": "overloaded"}}]
        await peer.chunk(b"".join(f"data: {json.dumps(each)}\n\n".encode() for each in events))
        await peer.end()

    async with (
        upstream(errs_at_once) as bad,
        upstream(openai_says("I can.")) as good,
        api_server(*pair(bad, good)) as server,
    ):
        _, chunks = await streamed(server)
        assert text_of(chunks) == "I can."


@unless_starved
async def test_a_count_of_tokens_that_does_not_come_holds_nobody_up():
    async def never_closes(peer):
        await peer.head()
        await peer.event(openai_chunk({"content": "Done."}))
        await peer.event(openai_chunk({}, finish="stop"))
        await peer.stall()

    async with (
        upstream(never_closes) as up,
        api_server(chat_model("first", up.url)) as server,
    ):
        began = time.monotonic()
        answer, chunks = await streamed(
            server, {"model": "first", "messages": HELLO, "stream": True}
        )
        assert text_of(chunks) == "Done."
        assert chunks[-1]["tonewise"]["model"] == "first"
        assert answer.text.endswith("data: [DONE]\n\n")
        assert time.monotonic() - began < 3


async def test_claude_that_breaks_off_is_told_to_a_chat_client_in_its_own_form():
    async def breaks(peer):
        await peer.head()
        await peer.event(anthropic_delta("One"), "content_block_delta")
        error = {"type": "overloaded_error", "message": "Overloaded"}
        await peer.event({"type": "error", "error": error}, "error")
        await peer.end()

    async with upstream(breaks) as up, api_server(claude_model("claude", up.url)) as server:
        answer, _ = await streamed(server, {"model": "claude", "messages": HELLO, "stream": True})
        last = answer.text.strip().split("\n\n")[-1]
        assert "Overloaded" in json.loads(last.removeprefix("data: "))["error"]["message"]


# ---------------------------------------------------------------- the client goes


@pytest.mark.parametrize("when", ["before", "after"])
@unless_starved
async def test_when_the_client_goes_the_request_upstream_is_cancelled_at_once(when):
    behave = stalls_after_its_role if when == "before" else breaks_off(falls_silent, "One")
    async with (
        upstream(behave) as up,
        api_server(chat_model("first", up.url, first_token=30, stall=30)) as server,
        httpx2.AsyncClient() as client,
    ):
        body = {"model": "first", "messages": HELLO, "stream": True}
        url = f"{server.url}/v1/chat/completions"
        asking = asyncio.create_task(client.post(url, json=body))
        await up.asked.wait()
        await asyncio.sleep(0.2)
        asking.cancel()
        async with asyncio.timeout(20):
            await up.left.wait()
            while not server.of(Replied) or server.answering.in_hand:
                await asyncio.sleep(0.01)
        assert [each.outcome for each in server.of(Tried)] == ["cancelled"]
        assert [each.outcome for each in server.of(Replied)] == ["interrupted"]
        assert server.engines.targets["first"].breaker.state == "closed"
        assert server.answering.in_hand == 0


# ---------------------------------------------------------------- connections


async def test_a_connection_to_a_model_is_used_again():
    async with (
        upstream(openai_says("Hi.")) as up,
        api_server(chat_model("first", up.url)) as server,
    ):
        for _ in range(5):
            _, chunks = await streamed(
                server, {"model": "first", "messages": HELLO, "stream": True}
            )
            assert text_of(chunks) == "Hi."
        assert up.connections == 1


async def test_a_redirect_is_not_followed():
    async with upstream(openai_says("A trap.")) as trap:

        async def redirects(peer):
            place = f"{trap.url}/v1/chat/completions"
            await peer.answer(307, {}, Location=place)

        async with (
            upstream(redirects) as up,
            api_server(chat_model("first", up.url), attempts=NO_SECOND_TRY) as server,
        ):
            answer, _ = await streamed(server, {"model": "first", "messages": HELLO})
            assert answer.status_code == 502
            assert trap.requests == []


# ---------------------------------------------------------------- bounds


async def test_more_requests_than_may_be_in_hand_are_told_to_come_back():
    async with (
        upstream(falls_silent) as up,
        api_server(chat_model("first", up.url), api=Api(max_requests=1)) as server,
        httpx2.AsyncClient() as client,
    ):
        body = {"model": "first", "messages": HELLO, "stream": True}
        url = f"{server.url}/v1/chat/completions"
        asking = asyncio.create_task(client.post(url, json=body))
        await up.asked.wait()
        answer, _ = await streamed(server, body)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["error"]["code"] == "overloaded"
        asking.cancel()


@pytest.mark.parametrize("told", [True, False])
async def test_a_body_that_is_too_large_is_a_413(told):
    async def pieces():
        for _ in range(8):
            yield b" " * 1024

    async with (
        api_server(scripted_model("demo"), api=Api(max_body=4096)) as server,
        httpx2.AsyncClient() as client,
    ):
        content = b" " * 8192 if told else pieces()
        answer = await client.post(f"{server.url}/v1/chat/completions", content=content)
        assert answer.status_code == 413
        assert "4096" in answer.json()["error"]["message"]
        assert server.of(Decided) == []


async def test_bodies_in_hand_have_a_bound_together_and_small_ones_go_on():
    async with (
        upstream(falls_silent) as up,
        api_server(
            chat_model("first", up.url), scripted_model("demo"), api=Api(max_body=4096)
        ) as server,
        httpx2.AsyncClient() as client,
    ):
        url = f"{server.url}/v1/chat/completions"
        large = {"model": "first", "messages": [{"role": "user", "content": "a" * 3900}]}
        asking = [asyncio.create_task(client.post(url, json=large)) for _ in range(8)]
        async with asyncio.timeout(10):
            while len(up.requests) < len(asking):
                await asyncio.sleep(0.01)
        answer = await client.post(url, json={**large, "model": "demo"})
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "overloaded"
        assert int(answer.headers["retry-after"]) >= 1
        small = {"model": "demo", "messages": HELLO}
        assert (await client.post(url, json=small)).status_code == 200
        for task in asking:
            task.cancel()
        async with asyncio.timeout(10):
            while server.answering.in_hand:
                await asyncio.sleep(0.01)
        assert (await client.post(url, json={**large, "model": "demo"})).status_code == 200
        assert server.answering.room.taken == 0


@pytest.mark.parametrize(
    ("length", "sent", "status"),
    [(None, 5000, b"413"), (50, 50, b"400"), (4000, 2000, b"")],
    ids=["too large", "no JSON", "gone"],
)
async def test_what_a_body_took_is_given_back_however_it_ends(length, sent, status):
    size = b"content-length: %d" % length if length else b"transfer-encoding: chunked"
    body = b"a" * sent if length else b"%x\r\n%s\r\n0\r\n\r\n" % (sent, b"a" * sent)
    async with api_server(scripted_model("demo"), api=Api(max_body=4096)) as server:
        host, _, port = server.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n%b\r\n\r\n" % size + body)
        async with asyncio.timeout(20):
            if status:
                assert (await reader.readline()).split()[1] == status
            else:
                while server.answering.room.taken < sent:
                    await asyncio.sleep(0)
            writer.close()
            while server.answering.in_hand:
                await asyncio.sleep(0.01)
        assert server.answering.room.taken == 0


async def test_a_packed_body_is_refused():
    async with api_server(scripted_model("demo")) as server, httpx2.AsyncClient() as client:
        url = f"{server.url}/v1/chat/completions"
        packed = {"content-encoding": "gzip"}
        answer = await client.post(url, content=b"\x1f\x8b", headers=packed)
        assert answer.status_code == 415


async def test_a_provider_that_names_no_request_gets_no_header_for_it():
    async with api_server(scripted_model("one")) as server, httpx2.AsyncClient() as client:
        body = {"model": "one", "messages": HELLO}
        answer = await client.post(f"{server.url}/v1/chat/completions", json=body)
        assert answer.status_code == 200
        assert "x-request-id" not in answer.headers


async def test_a_stream_whose_last_event_nothing_ends_is_whole():
    async def curt(peer):
        await peer.head()
        await peer.event(openai_chunk({"content": "Done."}))
        await peer.chunk(f"data: {json.dumps(openai_chunk({}, finish='stop'))}".encode())
        await peer.end()

    async with upstream(curt) as up, api_server(chat_model("first", up.url)) as server:
        body = {"model": "first", "messages": HELLO, "stream": True}
        _, chunks = await streamed(server, body)
        assert text_of(chunks) == "Done."
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
        assert chunks[-1]["tonewise"]["model"] == "first"
        assert [each.outcome for each in server.of(Tried)] == ["answered"]


@unless_starved
async def test_a_model_that_thinks_long_is_waited_for_where_nobody_else_is_left():
    async with (
        upstream(speaks_after(1.0, "I thought it over.")) as slow,
        api_server(chat_model("first", slow.url, first_token=0.3)) as server,
    ):
        body = {"model": "first", "messages": HELLO, "stream": True}
        answer, chunks = await streamed(server, body)
        assert answer.status_code == 200
        assert text_of(chunks) == "I thought it over."


@unless_starved
async def test_a_silent_model_is_waited_for_as_long_as_silence_allows_and_no_longer():
    async with (
        upstream(stalls_after_its_role) as silent,
        api_server(
            chat_model("first", silent.url, first_token=0.2),
            attempts=Attempts(silence=0.6, second_tries=0),
        ) as server,
    ):
        began = time.monotonic()
        answer, _ = await streamed(server, {"model": "first", "messages": HELLO, "stream": True})
        assert answer.status_code == 504
        assert 0.5 < time.monotonic() - began < 3


@unless_starved
async def test_a_whole_reply_that_fails_late_is_stood_in_for_although_silence_is_over():
    async def fails_late(peer):
        await asyncio.sleep(0.6)
        await peer.answer(500, {"error": {"message": "No."}})

    async with (
        upstream(fails_late) as bad,
        api_server(
            chat_model("first", bad.url),
            scripted_model("second", "At once."),
            attempts=Attempts(silence=0.3),
        ) as server,
        httpx2.AsyncClient(timeout=60) as client,
    ):
        url = f"{server.url}/v1/chat/completions"
        answer = await client.post(url, json={**ASKED, "stream": False})
        assert answer.status_code == 200
        assert answer.json()["tonewise"]["model"] == "second"


async def test_why_a_model_rests_is_not_told_in_words_that_another_request_brought_about():
    async def echoes(peer):
        said = peer.json["messages"][0]["content"]
        await peer.answer(500, {"error": {"message": f"I broke on {said!r}"}})

    async with (
        upstream(echoes) as bad,
        api_server(
            chat_model("first", bad.url), attempts=Attempts(second_tries=0, faults=1)
        ) as server,
        httpx2.AsyncClient(timeout=60) as client,
    ):
        url = f"{server.url}/v1/chat/completions"
        for said in ("My PIN is 4711.", "Hello."):
            body = {"model": "first", "messages": [{"role": "user", "content": said}]}
            answer = await client.post(url, json=body)
        assert "first was not asked (resting" in answer.text
        assert "Hello." in answer.text
        assert "4711" not in answer.text
