"""Walking a plan: which fault costs an attempt, which ends the reply, and what it costs in time."""

import asyncio
import time
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from on_a_port import nobody_listening
from starved import unless_starved
from tonewise import plugins
from tonewise.default_models import Attempts
from tonewise.errors import AttemptError
from tonewise.llm.dispatch import Attempt, Target, answer
from tonewise.stages import Delta
from upstream import ROLE_ONLY, Upstream, anthropic_says, openai_chunk, openai_says, upstream
from walking import ASKED, KEY, PATIENCE_S, walk

ONCE = Attempts(carry_on=False, second_tries=0)
"""Nobody goes on from another's words and nobody is asked twice."""


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


class Room:
    """Servers, engines and what dispatch made of them; closes what it opened."""

    def __init__(self) -> None:
        self.servers: list[Upstream] = []
        self.engines = []

    def target(self, name, base_url, kind="openai_compatible", **bounds) -> Target:
        engine = plugins.load("llm", kind, {"model": name, "base_url": base_url})
        self.engines.append(engine)
        return Target(name, engine, **bounds)


async def against(behave, settings=ONCE, **bounds):
    """The first model misbehaves so; a second one would answer. Text, attempts, both servers."""
    bounds = {"first_token_s": PATIENCE_S, "stall_s": PATIENCE_S} | bounds
    room = Room()
    async with upstream(behave) as bad, upstream(openai_says("Second", " model.")) as good:
        targets = [
            room.target("bad", bad.url, **bounds),
            room.target("good", good.url, first_token_s=5),
        ]
        text, attempts = await walk(targets, settings)
        for engine in room.engines:
            await engine.aclose()
    return text, attempts, bad, good


# ---------------------------------------------------------------- faults before the first word


async def stalls_before_the_head(peer):
    await peer.stall()


async def stalls_after_the_head(peer):
    await peer.head()
    await peer.stall()


async def announces_its_role_and_keeps_alive(peer):
    await peer.head()
    await peer.event(ROLE_ONLY)
    await peer.drip(b": keep-alive\n\n")


async def drips_empty_deltas(peer):
    await peer.head()
    await peer.drip(b'data: {"choices": [{"delta": {"role": "assistant", "content": ""}}]}\n\n')


async def drips_white_space(peer):
    await peer.head()
    await peer.drip(b'data: {"choices": [{"delta": {"content": " \\n"}}]}\n\n')


async def reasons_for_ever(peer):
    await peer.head()
    await peer.drip(b'data: {"choices": [{"delta": {"reasoning_content": "Hm"}}]}\n\n')


async def speaks_too_late(peer):
    await peer.head()
    await asyncio.sleep(PATIENCE_S * 1.5)
    await peer.event(openai_chunk({"content": "Leftovers!"}))
    await peer.stall()


async def puts_an_error_in_the_stream(peer):
    await peer.head()
    await peer.event(ROLE_ONLY)
    await peer.event({"error": {"message": "The engine is overloaded", "code": 503}})
    await peer.end()


async def is_busy(peer):
    await peer.answer(429, {"error": {"message": "Slow down"}}, retry_after="7")


async def wants_another_key(peer):
    await peer.answer(401, {"error": {"message": "Incorrect API key"}})


async def crashed(peer):
    await peer.answer(500, b"<html>oops</html>", kind="text/html")


async def is_overloaded(peer):
    await peer.answer(529, {"type": "error", "error": {"type": "overloaded_error"}})


async def points_elsewhere(peer):
    await peer.answer(307, b"", location="http://elsewhere.invalid/")


async def sends_garbage_events(peer):
    await peer.head()
    await peer.event("{not json")
    await peer.stall()


async def sends_another_type(peer):
    await peer.head()
    await peer.event({"choices": "yes"})
    await peer.stall()


async def sends_a_line_without_end(peer):
    await peer.head()
    for _ in range(20):
        await peer.chunk(b"x" * 65536)
    await peer.stall()


async def sends_a_web_page(peer):
    await peer.answer(200, b"<html>Please log in</html>", kind="text/html")


async def does_not_speak_http(peer):
    await peer.send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    await peer.stall()


async def packs_badly(peer):
    await peer.head(content_encoding="gzip")
    await peer.chunk(b"this is no gzip")
    await peer.stall()


async def hangs_up_before_the_head(peer):
    peer.hang_up()


async def resets_before_the_head(peer):
    peer.crash()


async def hangs_up_after_the_head(peer):
    await peer.head()
    await peer.event(ROLE_ONLY)
    peer.hang_up()


async def ends_at_once(peer):
    await peer.head()
    await peer.end()


async def is_filtered(peer):
    await peer.head()
    await peer.event(openai_chunk({}, finish="content_filter"))
    await peer.end()


@pytest.mark.parametrize(
    ("behave", "outcome"),
    [
        (stalls_before_the_head, "timed_out"),
        (stalls_after_the_head, "no_first_token"),
        (announces_its_role_and_keeps_alive, "no_first_token"),
        (drips_empty_deltas, "no_first_token"),
        (drips_white_space, "no_first_token"),
        (reasons_for_ever, "no_first_token"),
        (speaks_too_late, "no_first_token"),
        (openai_says(), "no_first_token"),
        (openai_says(" ", "\n"), "no_first_token"),
        (puts_an_error_in_the_stream, "upstream_error"),
        (is_busy, "rate_limited"),
        (wants_another_key, "refused"),
        (points_elsewhere, "refused"),
        (is_filtered, "content_filtered"),
        (crashed, "upstream_error"),
        (is_overloaded, "upstream_error"),
        (sends_garbage_events, "garbled"),
        (sends_another_type, "garbled"),
        (sends_a_line_without_end, "garbled"),
        (sends_a_web_page, "garbled"),
        (does_not_speak_http, "garbled"),
        (packs_badly, "garbled"),
        (hangs_up_before_the_head, "unreachable"),
        (resets_before_the_head, "unreachable"),
        (hangs_up_after_the_head, "upstream_error"),
        (ends_at_once, "upstream_error"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
@unless_starved
async def test_a_fault_before_the_first_word_is_answered_by_the_next_model(behave, outcome):
    patient = 2.0 if outcome not in {"timed_out", "no_first_token"} else PATIENCE_S
    began = time.perf_counter()
    text, (first, second), bad, good = await against(behave, first_token_s=patient)
    assert text == "Second model."
    assert (first.number, first.model, first.outcome) == (1, "bad", outcome)
    assert first.first_token_ms is None
    assert first.detail
    assert (second.number, second.model, second.outcome) == (2, "good", "answered")
    assert (second.input_tokens, second.output_tokens) == (12, 3)
    assert 0 < second.first_token_ms <= second.total_ms
    assert (len(bad.requests), len(good.requests)) == (1, 1)
    assert KEY not in repr((first, second))
    assert time.perf_counter() - began < 3


async def test_nobody_listening_is_answered_by_the_next_model():
    room = Room()
    with nobody_listening() as place:
        async with upstream(openai_says("Second model.")) as good:
            targets = [
                room.target("bad", f"{place}/v1"),
                room.target("good", good.url),
            ]
            text, attempts = await walk(targets)
            for engine in room.engines:
                await engine.aclose()
    assert text == "Second model."
    assert [a.outcome for a in attempts] == ["unreachable", "answered"]


@unless_starved
async def test_the_time_to_the_first_word_is_bounded_however_often_the_line_is_kept_alive():
    _, (first, _), _, _ = await against(announces_its_role_and_keeps_alive)
    assert PATIENCE_S * 1000 <= first.total_ms < PATIENCE_S * 1000 + 1000
    assert first.detail == f"no word within {PATIENCE_S:g} s"


@unless_starved
async def test_the_loser_is_hung_up_on_before_the_next_has_spoken():
    room = Room()

    async def waits_for_the_loser_to_go(peer):
        async with asyncio.timeout(20):
            await bad.left.wait()
        await openai_says("Second model.")(peer)

    async with (
        upstream(announces_its_role_and_keeps_alive) as bad,
        upstream(waits_for_the_loser_to_go) as good,
    ):
        targets = [
            room.target("bad", bad.url, first_token_s=PATIENCE_S),
            room.target("good", good.url, first_token_s=30),
        ]
        text, _ = await walk(targets)
        for engine in room.engines:
            await engine.aclose()
    assert text == "Second model."


async def test_every_model_may_fail_and_every_try_is_told():
    room = Room()
    async with upstream(is_busy) as one, upstream(crashed) as two:
        targets = [room.target("a", one.url), room.target("b", two.url)]
        text, attempts = await walk(targets, ONCE)
        for engine in room.engines:
            await engine.aclose()
    assert text == ""
    assert [(a.number, a.model, a.outcome) for a in attempts] == [
        (1, "a", "rate_limited"),
        (2, "b", "upstream_error"),
    ]
    assert attempts[0].detail == "HTTP 429 (asks to wait 7 s): Slow down"


async def test_a_plan_without_models_says_nothing():
    assert await walk([]) == ("", [])


async def test_models_of_different_kinds_stand_in_for_each_other():
    room = Room()
    async with upstream(is_overloaded) as bad, upstream(anthropic_says(" Hi", " there. ")) as good:
        targets = [room.target("gpt", bad.url), room.target("claude", good.url, "anthropic")]
        text, attempts = await walk(targets)
        for engine in room.engines:
            await engine.aclose()
    assert text == "Hi there."
    assert [a.outcome for a in attempts] == ["upstream_error", "answered"]
    assert (attempts[1].input_tokens, attempts[1].output_tokens) == (100, 7)


# ---------------------------------------------------------------- faults after the first word


def begins_and(then):
    async def behave(peer):
        await peer.head()
        await peer.event(ROLE_ONLY)
        await peer.event(openai_chunk({"content": "The first "}))
        await peer.event(openai_chunk({"content": "words"}))
        await then(peer)

    return behave


async def stops(peer):
    await peer.stall()


async def keeps_the_line_alive(peer):
    await peer.drip(b": keep-alive\n\n")


async def hangs_up(peer):
    peer.hang_up()


async def ends(peer):
    await peer.end()


async def errs(peer):
    await peer.event({"error": {"message": "CUDA is out of memory"}})
    await peer.end()


async def babbles(peer):
    await peer.event("{not json")
    await peer.stall()


@pytest.mark.parametrize("then", [stops, keeps_the_line_alive, hangs_up, ends, errs, babbles])
@unless_starved
async def test_where_nobody_may_go_on_the_first_words_stand_alone(then):
    text, attempts, _, good = await against(begins_and(then), first_token_s=2)
    assert text == "The first words"
    assert [a.outcome for a in attempts] == ["cut_short"]
    assert attempts[0].first_token_ms is not None
    assert good.requests == []


@unless_starved
async def test_a_reply_without_end_is_ended():
    async def rambles(peer):
        await peer.head()
        await peer.drip(b'data: {"choices": [{"delta": {"content": " on"}}]}\n\n')

    room = Room()
    async with upstream(rambles) as server:
        target = room.target("m", server.url, first_token_s=2, stall_s=2, total_s=0.3)
        text, (attempt,) = await walk([target])
        async with asyncio.timeout(20):
            await server.left.wait()
        await target.engine.aclose()
    assert text.startswith("on on")
    assert (attempt.outcome, attempt.detail) == ("cut_short", "not done after 0.3 s")
    assert attempt.total_ms < 1000


@unless_starved
async def test_the_whole_try_is_bounded_before_the_first_word_too():
    _, (first, _), _, _ = await against(stalls_after_the_head, first_token_s=9, total_s=0.1)
    assert (first.outcome, first.detail) == ("no_first_token", "no word within 0.1 s")


@unless_starved
async def test_a_slow_listener_is_not_held_against_the_model():
    engine = plugins.load("llm", "scripted", {"replies": ["one two three"]})
    target = Target("m", engine, first_token_s=0.1, stall_s=0.1, total_s=0.1)
    pieces = []
    async with aclosing(answer([target], ASKED, time.perf_counter)) as stream:
        async for piece in stream:
            pieces.append(piece)
            await asyncio.sleep(0.06)
    assert pieces[:-1] == ["one", " two", " three"]
    assert pieces[-1].outcome == "answered"


# ---------------------------------------------------------------- barge-in


@pytest.mark.parametrize(
    ("behave", "spoken"),
    [
        (begins_and(keeps_the_line_alive), True),
        (begins_and(stops), True),
        (stalls_before_the_head, False),
        (announces_its_role_and_keeps_alive, False),
    ],
    ids=["speaking", "stalled", "before the head", "before the first word"],
)
async def test_a_cancelled_task_hangs_up_on_the_model_and_leaves_a_record(behave, spoken):
    room, records, heard = Room(), [], asyncio.Event()
    async with upstream(behave) as server:
        targets = [room.target("m", server.url, first_token_s=9, stall_s=9)]

        async def listen():
            async with aclosing(
                answer(targets, ASKED, time.perf_counter, records.append)
            ) as pieces:
                async for _ in pieces:
                    heard.set()

        task = asyncio.create_task(listen())
        async with asyncio.timeout(20):
            if spoken:
                await heard.wait()
            await server.asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await server.left.wait()
        await room.engines[0].aclose()
    assert [(r.model, r.outcome) for r in records] == [("m", "cancelled")]
    assert (records[0].first_token_ms is not None) == spoken


async def test_a_closed_generator_hangs_up_on_the_model_and_leaves_a_record():
    room, records = Room(), []
    async with upstream(begins_and(keeps_the_line_alive)) as server:
        targets = [room.target("m", server.url), room.target("never asked", server.url)]
        async with aclosing(answer(targets, ASKED, time.perf_counter, records.append)) as pieces:
            async for piece in pieces:
                assert piece == "The first"
                break
        async with asyncio.timeout(20):
            await server.left.wait()
        for engine in room.engines:
            await engine.aclose()
    assert [(r.model, r.outcome) for r in records] == [("m", "cancelled")]
    assert len(server.requests) == 1


async def test_leaving_after_a_failed_try_records_nothing_twice():
    fails = plugins.load("llm", "scripted", {"fail": "refused"})
    records = []
    async with aclosing(
        answer([Target("m", fails)] * 2, ASKED, time.perf_counter, records.append)
    ) as pieces:
        first = await anext(pieces)
    assert first.outcome == "refused"
    assert records == []


@unless_starved
async def test_hundred_abandoned_replies_leave_nothing_open():
    room = Room()
    async with upstream(begins_and(keeps_the_line_alive)) as server:
        target = room.target("m", server.url)

        async def taste():
            async with aclosing(answer([target], ASKED, time.perf_counter)) as pieces:
                return await anext(pieces)

        before = len(asyncio.all_tasks())
        assert await asyncio.gather(*(taste() for _ in range(100))) == ["The first"] * 100
        for _ in range(1000):
            if len(asyncio.all_tasks()) <= before:  # the server has one for each connection
                break
            await asyncio.sleep(0.02)
        assert len(asyncio.all_tasks()) <= before
        await room.engines[0].aclose()
    assert server.connections == 100


# ---------------------------------------------------------------- engines of one's own


class Says:
    """An engine that says these deltas, and then raises this."""

    def __init__(self, *deltas: str, error: Exception | None = None) -> None:
        self._deltas, self._error = deltas, error
        self.closed = 0

    async def stream(self, request):
        try:
            for text in self._deltas:
                yield Delta(text)
            if self._error:
                raise self._error
        finally:
            self.closed += 1

    async def aclose(self):
        pass


@given(st.lists(st.text(alphabet=" \n\tab.ü🙂", max_size=4), max_size=12))
def test_the_pieces_joined_are_the_reply_without_white_space_around_it(deltas):
    async def collected():
        async with aclosing(answer([Target("m", Says(*deltas))], ASKED, lambda: 0.0)) as pieces:
            return [piece async for piece in pieces]

    *pieces, attempt = asyncio.run(collected())
    assert "".join(pieces) == "".join(deltas).strip()
    assert all(piece.strip() for piece in pieces)
    assert attempt.outcome == ("answered" if pieces else "no_first_token")


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["", " ", "word"]), max_size=3),
            st.sampled_from([None, "rate_limited", "garbled", "upstream_error"]),
        ),
        max_size=5,
    )
)
def test_nothing_is_ever_said_by_two_models(script):
    engines = [
        Says(*deltas, error=AttemptError(outcome, "…") if outcome else None)
        for deltas, outcome in script
    ]
    targets = [Target(str(place), engine) for place, engine in enumerate(engines)]

    async def collected():
        stream = answer(targets, ASKED, lambda: 0.0, settings=ONCE)
        async with aclosing(stream) as pieces:
            return [piece async for piece in pieces]

    pieces = asyncio.run(collected())
    attempts = [piece for piece in pieces if isinstance(piece, Attempt)]
    speaker = next((place for place, (deltas, _) in enumerate(script) if "word" in deltas), None)
    assert len(attempts) == (len(script) if speaker is None else speaker + 1)
    assert [engine.closed for engine in engines[: len(attempts)]] == [1] * len(attempts)
    if speaker is not None:
        assert (
            "".join(p for p in pieces if isinstance(p, str)) == "".join(script[speaker][0]).strip()
        )
        assert attempts[-1].outcome == ("cut_short" if script[speaker][1] else "answered")


@pytest.mark.parametrize("error", [ValueError(KEY), RuntimeError("boom"), KeyError("choices")])
async def test_a_bug_in_an_engine_costs_a_try_and_not_the_call(error):
    text, attempts = await walk([Target("a", Says(error=error)), Target("b", Says("Hi."))])
    assert text == "Hi."
    assert attempts[0].outcome == "garbled"
    assert attempts[0].detail == f"the engine raised {type(error).__name__}"


async def test_the_clock_that_is_given_measures_the_try():
    ticks = iter([10.0, 10.25, 11.0])
    async with aclosing(answer([Target("m", Says("Hi."))], ASKED, lambda: next(ticks))) as pieces:
        _, attempt = [piece async for piece in pieces]
    assert (attempt.first_token_ms, attempt.total_ms) == (250.0, 1000.0)
