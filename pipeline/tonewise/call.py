"""One call, hello to goodbye: the only room where the stages meet.

Audio goes to the ear; the ear says when a turn has ended; STT and voice cues read the same samples
side by side in worker threads; the policy makes a plan; the plan's models are tried; the reply
streams back. Whatever breaks on the way becomes a StageFailed event and costs that turn, not the
call.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from tonewise.ear import Ear, EarEvent
from tonewise.engines import Engines
from tonewise.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    ReplyInterrupted,
    StageFailed,
    TurnEnded,
    TurnIgnored,
    TurnMeasured,
    TurnRouted,
    TurnTranscribed,
)
from tonewise.facts import Circumstances, Plan, Reason, Transcript, VoiceCues, as_told
from tonewise.mouth import Mouth
from tonewise.stages import (
    Heard,
    HungUp,
    OtherParty,
    Played,
    Policy,
    Transport,
    Turn,
    TurnAudio,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a stage gave, how long it took, and what went wrong where it gave nothing."""

    value: T | None
    ms: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Understood:
    """A turn with words; `ended` is when it ended on the wall clock."""

    turn: int
    transcript: Transcript
    cues: VoiceCues | None
    ended: float


class Call:
    """Conducts one call.

    Args:
        engines: shared by all calls.
        transport: the peer.
        watch: told every event as well, after the peer.
        clock: seconds on the wall clock, for what events call `…_ms`.
        calendar: the local time, for rules that ask for it. A replay has none: the same recording
            would take other routes at night.
    """

    def __init__(
        self,
        engines: Engines,
        transport: Transport,
        watch: Callable[[AnyEvent], None] = lambda _: None,
        clock: Callable[[], float] = time.perf_counter,
        calendar: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._engines = engines
        self._config = engines.config
        self._transport = transport
        self._watch = watch
        self._clock = clock
        self._calendar = calendar
        greeting = transport.greeting
        self._ear = Ear(engines.vad, self._config.turns, self._config.vad.threshold)
        self._stt = engines.stt.open(greeting.language or self._config.stt.language)
        self._acoustic = engines.acoustic.open()
        self._mouth = Mouth(engines, self._emit, lambda: self._now, clock)
        self._hearing = asyncio.Lock()  # one turn at a time, in the order in which they were said
        self._in_hand: set[asyncio.Task[None]] = set()
        self._reply: asyncio.Task[None] | None = None
        self._unanswered: list[Understood] = []
        self._talk_over = 0  # the latest turn that began over the words of a reply

    async def run(self) -> None:
        """Conduct the call to its end. Whatever happens, the last event is CallEnded."""
        greeting = self._transport.greeting
        self._emit(
            CallStarted(
                at=0.0,
                call=greeting.call,
                wire=greeting.wire,
                engines=self._engines.names,
                caller=dict(greeting.caller),
                language=greeting.language,
            )
        )
        reason = "failed"
        try:
            async with asyncio.TaskGroup() as tasks:
                reason = await self._listen(tasks)
                for task in self._in_hand:
                    task.cancel()
        except asyncio.CancelledError:
            reason = "stopped"
            raise
        finally:
            self._emit(CallEnded(at=self._now, reason=reason, turns=self._ear.taking.turn))

    @property
    def _now(self) -> float:
        return self._ear.position_s

    def _emit(self, event: AnyEvent) -> None:
        self._transport.send(event)
        self._watch(event)

    # ------------------------------------------------------------ hearing

    async def _listen(self, tasks: asyncio.TaskGroup) -> str:
        """Hear the peer out; why the call ended."""
        limit = None if self._transport.lock_step else self._config.server.longest_call
        try:
            async with asyncio.timeout(limit) as bound, aclosing(self._transport.receive()) as line:
                async for inbound in line:
                    if isinstance(inbound, HungUp):
                        if inbound.answer_last_turn:
                            await self._follow(self._ear.audio_over(), tasks)
                        return inbound.reason
                    await self._take_in(inbound, tasks)
        except TimeoutError:
            if not bound.expired():
                raise
            return f"longest_call of {limit:g} s reached"
        return "hung up"

    async def _take_in(
        self, inbound: Heard | Played | OtherParty, tasks: asyncio.TaskGroup
    ) -> None:
        match inbound:
            case Heard(samples):
                await self._follow(self._ear.hear(samples), tasks)
            case Played(turn):
                if turn == self._ear.taking.turn:
                    self._ear.floor_given_s = self._now
            case OtherParty(at):
                self._ear.floor_given_s = at

    async def _follow(
        self, heard: Iterator[tuple[EarEvent, TurnAudio | None]], tasks: asyncio.TaskGroup
    ) -> None:
        """Act on what the ear hears, as it hears it; in lock-step, wait for each reply."""
        for event, sound in heard:
            self._emit(event)
            if isinstance(event, ReplyInterrupted):
                if event.turn == self._mouth.spoke_in:
                    self._talk_over = event.turn + 1
                reply, self._reply = self._reply, None  # once: it may still be letting go
                if reply:
                    reply.cancel()
            if isinstance(event, TurnEnded) and sound:
                self._start(self._take_turn(event.turn, sound, self._clock()), tasks)
                while self._transport.lock_step and self._in_hand:
                    await asyncio.wait(self._in_hand)

    def _start(self, work: Coroutine[None, None, None], tasks: asyncio.TaskGroup) -> None:
        task = tasks.create_task(work)
        self._in_hand.add(task)
        task.add_done_callback(self._in_hand.discard)

    async def _take_turn(self, turn: int, sound: TurnAudio, ended: float) -> None:
        """Understand a turn; then answer it, unless the caller has taken the floor again.

        A turn that was talked past waits for what came over it. Words go on from it, and the answer
        to them is the answer to both; a cough asks nothing, and leaves it to be answered.
        """
        async with self._hearing:
            transcript, cues = await self._understand(turn, sound)
        if transcript.text.strip():
            self._unanswered.append(Understood(turn, transcript, cues, ended))
        else:
            self._emit(TurnIgnored(at=self._now, turn=turn, reason="no words were heard"))
        if turn != self._ear.taking.turn:
            return
        if self._unanswered:
            *talked_past, last = self._unanswered
            self._unanswered.clear()
            for earlier in talked_past:
                self._mouth.remember(earlier.turn, earlier.transcript.text, earlier.cues)
            plan = self._route(last.turn, last.transcript, last.cues)
            self._reply = asyncio.current_task()  # from here on the caller may interrupt it
            text = last.transcript.text
            await self._mouth.answer(last.turn, text, plan, last.ended, last.cues)
        self._ear.taking.reply_over(turn)

    async def _understand(self, turn: int, sound: TurnAudio) -> tuple[Transcript, VoiceCues | None]:
        """What was said and how, side by side; told in the same order on every run."""
        heard, measured = await asyncio.gather(
            self._compute(self._stt.transcribe, sound, Transcript),
            self._compute(self._acoustic.measure, sound, VoiceCues),
        )
        if heard.value is None:
            self._fail(turn, "stt", self._engines.stt.name, heard.error)
        else:
            event = TurnTranscribed(
                at=self._now, turn=turn, transcript=heard.value, stt_ms=heard.ms
            )
            self._emit(event)
        if measured.value is None:
            self._fail(turn, "acoustic", self._engines.acoustic.name, measured.error)
        else:
            cues = TurnMeasured(
                at=self._now, turn=turn, cues=measured.value, acoustic_ms=measured.ms
            )
            self._emit(cues)
        return heard.value or Transcript(""), measured.value

    async def _compute(
        self, stage: Callable[[TurnAudio], T], sound: TurnAudio, kind: type[T]
    ) -> Outcome[T]:
        """Run a stage in a worker thread. Its failure is a result, not an exception."""
        began = self._clock()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._config.stt.timeout) as bound:
                found = await loop.run_in_executor(self._engines.workers, stage, sound)
            value = as_told(found, kind)
        except Exception as error:  # noqa: BLE001 - an engine may break in any way: it costs a turn
            late = f"no result in {self._config.stt.timeout:g} s"
            return Outcome(None, self._ms(began), late if bound.expired() else _told(error))
        return Outcome(value, self._ms(began))

    # ------------------------------------------------------------ answering

    def _route(self, turn: int, transcript: Transcript, cues: VoiceCues | None) -> Plan:
        began = self._clock()
        greeting, candidates = self._transport.greeting, self._engines.candidates
        question = Turn(
            turn,
            transcript,
            cues,
            self._mouth.history,
            greeting.caller,
            Circumstances(
                call=greeting.call,
                wire=greeting.wire,
                at_s=self._now,
                talk_over=turn == self._talk_over,
                time=None
                if self._transport.lock_step
                else self._calendar().astimezone().isoformat(timespec="seconds"),
            ),
        )
        plan = self._decide(self._engines.policy, question)
        if plan is None:
            why = Reason("policy", "the policy failed, so the models are tried as they are listed")
            plan = Plan(candidates[0].route, tuple(c.name for c in candidates), (why,), 0.0)
        took = self._ms(began)
        shadow = self._decide(self._engines.shadow, question) if self._engines.shadow else None
        self._emit(TurnRouted(at=self._now, turn=turn, plan=plan, shadow=shadow, routing_ms=took))
        return plan

    def _decide(self, policy: Policy, question: Turn) -> Plan | None:
        """What a policy makes of a turn; None where it broke, and that is told."""
        try:
            return as_told(policy.decide(question, self._engines.candidates), Plan)
        except Exception as error:  # noqa: BLE001 - a policy of the user's own may break in any way
            self._fail(question.number, "routing", policy.name, _told(error))
            return None

    def _fail(self, turn: int, stage: str, engine: str, error: str) -> None:
        self._emit(StageFailed(at=self._now, turn=turn, stage=stage, engine=engine, error=error))

    def _ms(self, began: float) -> float:
        return round((self._clock() - began) * 1000, 3)


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
