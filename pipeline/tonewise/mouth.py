"""The mouth of one call: a plan in, a reply out, and the memory of what was said.

What a caller interrupts is remembered as far as it was heard, and a turn that the caller talked
past before it could be answered is remembered as said.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import aclosing

from tonewise.engines import Engines
from tonewise.events import (
    AnyEvent,
    AsideKind,
    AsideSpoken,
    ReplyEnded,
    ReplySounded,
    ReplyStreamed,
    StageFailed,
)
from tonewise.facts import VoiceCues
from tonewise.llm.dispatch import Attempt
from tonewise.plan import Exchange, Plan
from tonewise.reply import Marker, Reply, attempt_ended
from tonewise.settings import HOLD_PHRASES
from tonewise.stages import LlmRequest, Message
from tonewise.start import Start
from tonewise.voice import Voice


class Mouth:
    """Answers the turns of one call.

    Args:
        engines: shared by all calls.
        voice: speaks, where the peer can hear us.
        emit: takes what happens.
        now: seconds of caller audio heard.
        clock: seconds on the wall clock.
        over: told of every reply that the caller has been given, or interrupted.
        live: False in lock-step, where nobody waits and so nobody is asked to.
    """

    def __init__(
        self,
        engines: Engines,
        voice: Voice,
        emit: Callable[[AnyEvent], None],
        now: Callable[[], float],
        clock: Callable[[], float],
        over: Callable[[Reply], None],
        live: bool,
    ) -> None:
        self._engines = engines
        self._settings = engines.config
        self._voice = voice
        self._emit = emit
        self._now = now
        self._clock = clock
        self._over = over
        self._live = live
        self.spoke_in = 0
        """The latest turn that was answered with words."""
        self._reply: Reply | None = None
        self._task: asyncio.Task[None] | None = None  # writes the reply
        self._phrases = 0  # hold phrases spoken so far: the next one is another
        self._history: deque[Exchange] = deque(maxlen=engines.config.llm.history)

    @property
    def history(self) -> tuple[Exchange, ...]:
        """The latest exchanges, oldest first."""
        return tuple(self._history)

    @property
    def answering(self) -> bool:
        """Is there a reply that is not over?"""
        return self._reply is not None

    @property
    def asked(self) -> bool:
        """Has the reply come to a question, or nearly to its end, so that "yes" answers it?"""
        if self._reply is None:
            return True
        so_far = self._voice.heard if self._voice.speaks else self._reply.text
        near = self._reply.text if self._voice.left_s <= _NEARLY_S else so_far
        return near.rstrip().endswith("?") or "?" in so_far[-_RECENT:]

    @property
    def saying(self) -> str:
        """The reply in the making, as far as it is written."""
        return self._reply.text if self._reply else ""

    def remember(self, turn: int, said: str, cues: VoiceCues | None = None) -> None:
        """A turn that was talked past: not answered, but the next turn's model reads it."""
        frustration = cues.frustration if cues else None
        self._history.append(Exchange(turn, said, "", "", frustration=frustration))

    def ask(self, turn: int, said: str, plan: Plan, talked_past: Sequence[str] = ()) -> Start:
        """Prepare a request; nothing is asked until it is begun."""
        targets = [self._engines.targets[name] for name in plan.models]
        request = self._request(turn, said, plan, talked_past)
        return Start(targets, request, self._clock, self._settings.attempts)

    # ------------------------------------------------------------ one reply

    async def answer(self, reply: Reply, start: Start) -> None:
        """Give a reply that has been asked for, until all of it is written and made into sound."""
        self._reply, self._task = reply, asyncio.current_task()
        if self._voice.speaks:
            settled_s = reply.ended + reply.settle_s  # in lock-step a turn ends when it is settled
            self._voice.begin(reply.turn, max(0.0, settled_s - self._clock()))
        try:
            async with asyncio.TaskGroup() as work:
                if self._voice.speaks and self._live:
                    work.create_task(self._voice.produce())
                filler = work.create_task(self._fill_silence(reply))
                await self._write(reply, start)
                filler.cancel()
                if self._voice.speaks and not self._live:  # then: the same order on every run
                    await self._voice.produce()
        except asyncio.CancelledError:
            self._cut(reply)
            raise
        finally:
            try:
                await start.close()
            finally:  # even where the call ends while the reply lets go
                for attempt in start.cut_off():
                    self._tried(reply, attempt)
                if self._task is asyncio.current_task():
                    self._task = None
                if reply.interrupted or not self._voice.speaks:
                    self._end(reply)

    async def free(self) -> None:
        """Wait until a reply that was interrupted has let go: then it is remembered, too."""
        if self._task:
            await asyncio.wait([self._task], timeout=_LETTING_GO_S)

    def tick(self) -> None:
        """Give the peer the sound that is due; a reply that has been heard is over."""
        self._voice.tick()
        reply = self._reply
        if reply and not reply.sounded and self._voice.sounded:
            reply.sounded, self.spoke_in = True, reply.answers
            ms = self._ms(reply.ended)
            self._emit(ReplySounded(at=self._now(), turn=reply.turn, first_sound_ms=ms))
        if self._voice.over and self._task is None:
            self._voice.rest()
            if reply and self._voice.speaks:
                self._end(reply)

    def interrupt(self) -> None:
        """The caller has the floor: nothing more of the reply is written, made or heard."""
        if self._reply and not self._reply.interrupted:
            self._cut(self._reply)
            if self._task:
                self._task.cancel()  # it ends the reply when it has let go
            else:
                self._end(self._reply)

    def _cut(self, reply: Reply) -> None:
        if not reply.interrupted:
            reply.interrupted = True
            if self._voice.speaks:
                reply.heard = self._voice.stop()

    async def say(self, turn: int, text: str, kind: AsideKind) -> bool:
        """Say something that is no reply, a prompt or a notice; True when it was heard out."""
        if not self._voice.speaks or not text:
            return False
        self._emit(AsideSpoken(at=self._now(), turn=turn, text=text, kind=kind))
        heard_out = self._voice.begin(turn)
        self._voice.aside(text)
        self._voice.finish()
        await self._voice.produce()
        return await heard_out

    async def _write(self, reply: Reply, start: Start) -> None:
        end = Marker(self._settings.speech.end_marker)
        transfer = Marker(self._settings.telephony.transfer_marker)
        try:
            async with aclosing(start.pieces()) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Attempt):
                        self._tried(reply, piece)
                    else:
                        self._give(reply, transfer.push(end.push(piece)))
            self._give(reply, transfer.push(end.rest()) + transfer.rest())
        except Exception as error:  # noqa: BLE001 - an engine may break in any way: it costs a turn
            self._fail(reply, f"{type(error).__name__}: {error}")
        else:
            if reply.failure:
                self._fail(reply, reply.failure)
        reply.hang_up, reply.hand_over = end.found, transfer.found
        if self._voice.speaks:
            self._voice.finish()

    def _give(self, reply: Reply, text: str) -> None:
        text = text.encode(errors="replace").decode()  # half a character can be no JSON
        if not text:
            return
        if reply.first_token_ms is None:
            reply.first_token_ms = self._ms(reply.ended)
        reply.written.append(text)
        if self._voice.speaks:
            self._voice.say(text)
        else:
            self.spoke_in = reply.answers
        self._emit(ReplyStreamed(at=self._now(), turn=reply.turn, text=text))

    async def _fill_silence(self, reply: Reply) -> None:
        """Where the model lets the caller wait, say that it goes on."""
        after_s = self._settings.speech.hold_after
        if not (after_s and self._live and self._voice.speaks):
            return
        await asyncio.sleep(max(0.0, after_s - (self._clock() - reply.ended)))
        phrases = self._hold_phrases(reply.plan.route)
        if reply.written or not phrases:
            return
        text = phrases[self._phrases % len(phrases)]
        self._phrases += 1
        self._voice.aside(text)
        self._emit(AsideSpoken(at=self._now(), turn=reply.turn, text=text, kind="hold"))

    def _hold_phrases(self, route: str) -> tuple[str, ...]:
        known = HOLD_PHRASES | self._settings.speech.hold_phrases
        language = self._voice.language
        return known.get(f"{language}/{route}", known.get(language, ()))

    def _end(self, reply: Reply) -> None:
        if reply.over:
            return
        reply.over = True
        if self._reply is reply:
            self._reply = None
        self._history.append(
            Exchange(
                reply.turn,
                reply.said,
                reply.given,
                reply.plan.route,
                model=reply.model or "",
                frustration=reply.frustration,
                escalated=reply.plan.escalated,
            )
        )
        self._emit(
            ReplyEnded(
                at=self._now(),
                turn=reply.turn,
                text=reply.given,
                unspoken=reply.unspoken,
                outcome=reply.outcome,
                model=reply.model,
                first_token_ms=reply.first_token_ms,
                total_ms=self._ms(reply.ended),
            )
        )
        self._over(reply)

    # ------------------------------------------------------------ asked, tried, failed

    def _request(self, turn: int, said: str, plan: Plan, talked_past: Sequence[str]) -> LlmRequest:
        settings = self._settings.llm
        messages = [Message("system", settings.instructions)]
        for earlier in self._history:
            messages.append(Message("user", earlier.said))
            if earlier.replied:
                messages.append(Message("assistant", earlier.replied))
        messages += [Message("user", earlier) for earlier in talked_past]
        messages.append(Message("user", said))
        return LlmRequest(turn, plan.route, tuple(messages), settings.max_tokens)

    def _tried(self, reply: Reply, attempt: Attempt) -> None:
        reply.attempts.append(attempt)
        self.tell(reply.turn, attempt)

    def tell(self, turn: int, attempt: Attempt, *, early: bool = False) -> None:
        """One try at one model is over."""
        self._emit(attempt_ended(self._now(), turn, attempt, early=early))

    def _fail(self, reply: Reply, told: str) -> None:
        at, engine = self._now(), reply.plan.route
        self._emit(StageFailed(at=at, turn=reply.turn, stage="llm", engine=engine, error=told))

    def _ms(self, began: float) -> float:
        return round(max(0.0, self._clock() - began) * 1000, 3)


_LETTING_GO_S = 1.0
"""Seconds that the next reply waits for one that was interrupted: longer would be dead air."""

_NEARLY_S = 1.0
"""Seconds before its end from which a reply counts as said: who answers a question early, as people
do, answers it all the same."""

_RECENT = 12
"""Characters since a question mark within which a "yes" still answers the question."""
