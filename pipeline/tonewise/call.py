"""One call, hello to goodbye: the only room where the stages meet.

Audio goes to the ear; at every pause the turn so far is read ahead: words and voice cues, side by
side in worker threads, and from them how long to wait. The ear says when the turn has ended; the
policy makes a plan; the plan's models are tried; the reply streams back as text and, where the peer
can hear us, as sound. Whatever breaks on the way becomes a StageFailed event and costs that turn,
not the call.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import aclosing
from datetime import datetime

from tonewise.audio import Samples
from tonewise.courtesy import Courtesy
from tonewise.dialogue import Dialogue
from tonewise.ear import Ear, EarEvent, HeardNow
from tonewise.engines import Engines
from tonewise.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    KeyPressed,
    ReplyHeld,
    ReplyInterrupted,
    ReplyResumed,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)
from tonewise.floor import Hushed, Interjected, Lingered
from tonewise.keypad import Keypad
from tonewise.peer import (
    EmotionSwitched,
    Heard,
    HungUp,
    OtherParty,
    Played,
    Pressed,
    Transport,
    Wish,
    Witness,
)
from tonewise.stages import TurnAudio
from tonewise.voice import TICK_S, Voice


class Call:
    """Conducts one call.

    Args:
        engines: shared by all calls.
        transport: the peer.
        watch: told every event as well, after the peer.
        witness: told every event, too, and given both voices.
        hand_over: brings a person into the call, where the model asks for one.
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
        witness: Witness | None = None,
        hand_over: Callable[[], None] = lambda: None,
    ) -> None:
        self._engines = engines
        self._config = engines.config
        self._transport = transport
        self._watch = watch
        self._witness = witness
        self._clock = clock
        self._live = not transport.lock_step
        greeting = transport.greeting
        self._ear = Ear(engines.vad, self._config.turns, self._config.vad.threshold)
        self._voice = Voice(engines, transport, self._emit, self._at, self._pace, self._spoke)
        self._dialogue = Dialogue(
            engines,
            greeting,
            self._ear,
            self._voice,
            self._emit,
            self._react,
            self.end,
            clock,
            calendar if self._live else None,
        )
        self._courtesy = Courtesy(engines, transport, self._dialogue, self._emit, clock, self.end)
        self._dialogue.respect = self._courtesy.respect
        self._dialogue.hand_over = hand_over
        self._dialogue.partials.tell = None if transport.has_keys else transport.send
        self._keypad = Keypad()
        self._in_hand: set[asyncio.Task[None]] = set()
        self._beyond_s = 0.0  # how long we have spoken since a recording ended
        self._ending: str | None = None  # why we end the call
        self._bound: asyncio.Timeout | None = None

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
                self._tasks = tasks
                if self._live and self._voice.speaks:
                    self._start(self._speak_in_time())
                    self._start(self._courtesy.mind_the_silence())
                self._courtesy.give_notice(tasks)
                reason = await self._listen()
                self._dialogue.mouth.interrupt()
                self._dialogue.head_start.drop()
                self._courtesy.stop()
                for task in self._in_hand:
                    if not task.cancelling():  # a second time would cut short letting go
                        task.cancel()
        except asyncio.CancelledError:
            reason = "stopped"
            raise
        finally:
            self._dialogue.mouth.interrupt()
            self._emit(CallEnded(at=self._at(), reason=reason, turns=self._ear.taking.turn))

    def end(self, reason: str) -> None:
        """End the call from our side; the reason is told in CallEnded."""
        if self._ending is None:
            self._ending = reason
            if self._bound and not self._bound.expired():
                self._bound.reschedule(asyncio.get_running_loop().time())

    def _at(self) -> float:
        return self._ear.position_s

    def _pace(self) -> float:
        """The clock by which we speak: the wall's, or in lock-step the audio's."""
        return self._clock() if self._live else self._ear.position_s + self._beyond_s

    def _emit(self, event: AnyEvent) -> None:
        self._transport.send(event)
        self._watch(event)
        if self._witness:
            self._witness.told(event)

    def _spoke(self, turn: int, samples: Samples, at_s: float) -> None:
        self._ear.echo.spoke(samples, at_s)
        if self._witness:
            self._witness.spoke(turn, samples, at_s)

    # ------------------------------------------------------------ hearing

    async def _listen(self) -> str:
        """Hear the peer out; why the call ended."""
        limit = self._config.server.longest_call if self._live else None
        try:
            async with asyncio.timeout(limit) as bound, aclosing(self._transport.receive()) as line:
                self._bound = bound
                async for inbound in line:
                    if isinstance(inbound, HungUp):
                        await self._hear_out(inbound)
                        return self._ending or inbound.reason
                    await self._take_in(inbound)
                    if self._ending:  # in lock-step nothing may have waited for it
                        return self._ending
        except TimeoutError:
            if not bound.expired():
                raise
            return self._ending or f"longest_call of {limit:g} s reached"
        return "hung up"

    async def _hear_out(self, gone: HungUp) -> None:
        """A recording that ends in a turn is answered, and the answer is spoken to its end."""
        if not gone.answer_last_turn:
            return
        await self._follow(self._ear.audio_over())
        while self._voice.speaks and not self._live and self._dialogue.mouth.answering:
            self._voice.resume()  # what is left of an overlap settles nothing any more
            self._beyond_s += TICK_S
            self._dialogue.mouth.tick()

    async def _take_in(
        self, inbound: Heard | Played | Pressed | EmotionSwitched | OtherParty | Wish
    ) -> None:
        match inbound:
            case Heard(samples):
                if self._witness:
                    self._witness.heard(samples)
                await self._follow(self._ear.hear(samples))
                self._dialogue.partials.listen_along(self._tasks)
                await self._read_keys(self._keypad.waited(self._at()))
                if not self._live:
                    self._dialogue.mouth.tick()
            case Played(turn, upto_s):
                self._voice.played(turn, upto_s)
                if upto_s is None and turn == self._ear.taking.turn:
                    self._ear.floor_given_s = self._at()
            case OtherParty(at):
                self._ear.floor_given_s = at
            case Pressed(digit):
                self._emit(KeyPressed(at=self._at(), digit=digit))
                await self._read_keys(self._keypad.pressed(digit, self._at()))
            case EmotionSwitched(on):
                self._courtesy.switched(on, self._tasks)
            case wish:
                self._dialogue.wishes.take(wish)

    async def _read_keys(self, digits: str | None) -> None:
        """A number was typed: an objection to being read, or a turn without sound."""
        if digits is None or self._courtesy.pressed(digits):
            return
        happened = self._ear.taking.typed()
        if not happened:  # the caller is speaking: a turn of its own, once they have spoken
            self._keypad.keep(digits, self._at())
        for event in happened:
            self._react((event, None))
            if isinstance(event, TurnEnded):
                typed = self._dialogue.take_typed(event.turn, digits, self._clock(), self._tasks)
                self._start(typed)
        await self._settled()

    async def _follow(self, heard: Iterable[HeardNow]) -> None:
        """Act on what the ear hears, as it hears it; in lock-step, wait for what comes of it."""
        for each in heard:
            self._react(each)
            await self._settled()

    async def _settled(self) -> None:
        """In lock-step: until all that was begun is done."""
        while not self._live and self._in_hand:
            await asyncio.wait(self._in_hand)

    def _react(self, heard: HeardNow) -> None:
        """Tell what was heard, and act on it."""
        event, sound = heard
        self._courtesy.quiet_since = self._clock()
        if not isinstance(event, Hushed | Lingered | Interjected):
            self._emit(event)
        if sound is None:
            self._settle(event)
        else:
            self._start(self._work_on(event, sound))

    def _settle(self, event: EarEvent) -> None:
        """What the floor asks for at once."""
        mouth, voice = self._dialogue.mouth, self._voice
        match event:
            case SpeechStarted():
                voice.stop()  # whatever else was being said
                self._dialogue.head_start.drop()
            case SpeechResumed():
                self._dialogue.head_start.drop()
            case ReplyHeld():
                voice.hold()
            case ReplyResumed():
                voice.resume()
            case ReplyInterrupted(turn=turn):
                if turn == mouth.spoke_in:
                    self._dialogue.talk_over = turn + 1
                mouth.interrupt()

    def _work_on(self, event: EarEvent, sound: TurnAudio) -> Coroutine[None, None, None]:
        """What takes time: beside the hearing, which goes on."""
        match event:
            case Hushed():
                return self._dialogue.read_at_once(event.turn, sound)
            case Interjected():
                return self._dialogue.weigh(event, sound)
            case TurnEnded():
                return self._dialogue.take_turn(event, sound, self._clock(), self._tasks)
        lingering = isinstance(event, Lingered)
        return self._dialogue.read_ahead(event.turn, sound, self._tasks, lingering=lingering)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = self._tasks.create_task(work)
        self._in_hand.add(task)
        task.add_done_callback(self._in_hand.discard)

    # ------------------------------------------------------------ while it lasts

    async def _speak_in_time(self) -> None:
        """Give the peer what is due, for as long as there is anything."""
        while True:
            await self._voice.busy.wait()
            self._dialogue.mouth.tick()
            await asyncio.sleep(TICK_S)
