"""The voice of one call: text in, paced sound out.

Sentences are made into sound as fast as the TTS goes, and given to the peer when they are due. On a
live call a ticker gives what is due every 20 ms; in lock-step the audio's own clock does.
"""

import asyncio
import math
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from tonewise.audio import RATE, Samples
from tonewise.engines import Engines
from tonewise.events import AnyEvent, StageFailed
from tonewise.peer import Transport
from tonewise.speaker import Speaker
from tonewise.tts.level import Levelled, VoiceLevel
from tonewise.tts.reading import readable
from tonewise.tts.sentences import Sentences

TICK_S = 0.02
"""The length of a telephone packet."""

_MOST_AHEAD_S = 15.0
"""Seconds of sound that are made ahead of the caller's ear: a reply may be interrupted."""


_HUSH_DBFS = -66.0
"""Level of our pauses: a line that falls utterly silent sounds dead (comfort noise, ITU-T G.711
Appendix II); µ-law's smallest step is -72 dBFS."""

_HUSH = np.random.default_rng(1).normal(0.0, 10 ** (_HUSH_DBFS / 20), RATE).astype(np.float32)
"""A second of it, the same on every run."""

_PAUSE_S = 0.25
"""Silence after a sentence; after a part of one, the chunk tells."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be said: its part of the reply, if it is one, and the silence after it."""

    source: str
    aloud: str
    pause_s: float


class Voice:
    """One call's.

    Args:
        engines: shared by all calls.
        transport: the peer.
        emit: takes what happens.
        at: seconds of caller audio heard, for events.
        now: seconds on the clock by which sound is paced.
        spoke: told all sound that is given to the peer: the turn, the sound, and the second of the
            call at which it is due.
    """

    def __init__(
        self,
        engines: Engines,
        transport: Transport,
        emit: Callable[[AnyEvent], None],
        at: Callable[[], float],
        now: Callable[[], float],
        spoke: Callable[[int, Samples, float], None],
    ) -> None:
        self.speaks = transport.speaks and engines.tts is not None
        self.busy = asyncio.Event()
        """Set while there is something to give, or to wait for."""
        self._held = False
        self._heard_out: asyncio.Future[bool] | None = None
        self._engines = engines
        self._settings = engines.config
        self._transport = transport
        self._emit = emit
        self._at = at
        self._now = now
        self._spoke = spoke
        self.language = transport.greeting.language or engines.config.speech.language
        self._level = VoiceLevel()
        self._begin(0)

    def _begin(self, turn: int) -> None:
        self._turn = turn
        self._speaker = Speaker(self._settings.speech.lead)
        self._sentences = Sentences()
        self._to_say: asyncio.Queue[_Wanted | None] = asyncio.Queue()
        self._reply_from_s: float | None = None
        self._failed = False
        self._not_before = -math.inf

    def begin(self, turn: int, after_s: float = 0.0) -> asyncio.Future[bool]:
        """What is said from now on is the reply to `turn`; will it have been heard to its end?

        Args:
            turn: the turn's number.
            after_s: seconds for which nothing of it is given: the caller may go on.
        """
        self._end(heard_out=False)
        self._not_before = self._now() + after_s
        self._turn = turn
        if self._held:  # the caller makes a sound just now
            self._speaker.hold(self._now())
        self.busy.set()
        self._heard_out = asyncio.get_running_loop().create_future()
        return self._heard_out

    # ------------------------------------------------------------ text in

    def say(self, piece: str) -> None:
        """A piece of the reply, as the model wrote it."""
        for chunk in self._sentences.feed(piece):
            self._to_say.put_nowait(_Wanted(chunk.source, chunk.source, chunk.pause_s))

    def aside(self, text: str) -> None:
        """Words that are no part of the reply: a hold phrase, a prompt."""
        self._to_say.put_nowait(_Wanted("", text, _PAUSE_S))

    def finish(self) -> None:
        """Nothing more will be said."""
        for chunk in self._sentences.flush():
            self._to_say.put_nowait(_Wanted(chunk.source, chunk.source, chunk.pause_s))
        self._to_say.put_nowait(None)

    async def produce(self) -> None:
        """Make the sound of what is to be said, until `finish`. A TTS that breaks is told once."""
        speaker, to_say = self._speaker, self._to_say  # what begins after a stop is another's
        while (wanted := await to_say.get()) is not None and speaker is self._speaker:
            speaker.begin_chunk(wanted.source)
            if wanted.source and self._reply_from_s is None:
                self._reply_from_s = speaker.made_s
            try:
                await self._make(readable(wanted.aloud, self.language), speaker)
                pause = _hush(round(wanted.pause_s * RATE))
            except Exception as error:  # noqa: BLE001 - an engine may break in any way
                self._fail(error, speaker)
                if isinstance(error, TimeoutError):
                    break  # who waits so long for each sentence hears dead air
            else:
                speaker.end_chunk()
                speaker.add(pause)
        speaker.finish()

    async def _make(self, aloud: str, speaker: Speaker) -> None:
        tts = self._engines.tts
        if tts is None or not any(character.isalnum() for character in aloud):
            return
        limit, levelled = self._settings.tts.timeout, Levelled(self._level)
        async with aclosing(tts.speak(aloud, self.language)) as pieces:
            while True:
                async with asyncio.timeout(limit):
                    samples = await anext(pieces, None)
                if samples is None or speaker is not self._speaker:
                    break
                speaker.add(levelled.push(samples))
                surplus_s = speaker.ahead_s - _MOST_AHEAD_S
                if surplus_s > 0 and not self._transport.lock_step:
                    await asyncio.sleep(surplus_s)
        speaker.add(levelled.flush())

    def _fail(self, error: Exception, speaker: Speaker) -> None:
        if self._failed or speaker is not self._speaker:
            return
        self._failed = True
        engine = self._engines.tts.name if self._engines.tts else "none"
        told = f"{type(error).__name__}: {error}".removesuffix(": ")
        self._emit(
            StageFailed(at=self._at(), turn=self._turn, stage="tts", engine=engine, error=told)
        )

    # ------------------------------------------------------------ sound out

    def tick(self) -> None:
        """Give the peer what is due."""
        now = self._now()
        if now < self._not_before:
            return
        ahead_s, from_s = self._speaker.left_s(now), self._speaker.sent_s
        if (samples := self._speaker.due(now)) is not None:
            self._transport.play(self._turn, samples, from_s)
            self._spoke(self._turn, samples, self._at() + ahead_s)

    @property
    def sounded(self) -> bool:
        """Has sound of the reply, asides left out, been given to the peer?"""
        begins = self._reply_from_s
        return begins is not None and self._speaker.sent_s > begins

    @property
    def over(self) -> bool:
        """Has the caller heard all that was to be said?"""
        return self._speaker.over(self._now())

    @property
    def heard(self) -> str:
        """The reply as far as the caller has heard it."""
        return self._speaker.heard(self._now())

    @property
    def left_s(self) -> float:
        """Seconds of sound that the caller has not heard; endless while more of it is made."""
        if not self._speaker.complete:
            return math.inf
        return self._speaker.made_s - self._speaker.played_s(self._now())

    def hold(self) -> None:
        """Fall silent at once; what is begun meanwhile waits, too."""
        self._held = True
        self._speaker.hold(self._now())
        self._transport.stop_playing()

    def resume(self) -> None:
        """Go on where it fell silent."""
        self._held = False
        self._speaker.resume(self._now())

    def stop(self) -> str:
        """Fall silent for good; what the caller has heard of the reply."""
        self.hold()
        heard = self.heard
        self.finish()
        self._held = False
        self._end(heard_out=False)
        return heard

    def rest(self) -> None:
        """All has been heard: nothing is left to give."""
        self._end(heard_out=not self._failed)

    def _end(self, *, heard_out: bool) -> None:
        self.busy.clear()
        if self._heard_out and not self._heard_out.done():
            self._heard_out.set_result(heard_out)
        self._begin(self._turn)

    def played(self, turn: int, upto_s: float | None) -> None:
        """The peer reports how far it has played the reply to `turn`."""
        if turn == self._turn:
            made = self._speaker.made_s if upto_s is None else upto_s
            self._speaker.played_upto(made, self._now())


def _hush(count: int) -> Samples:
    """So many samples of a quiet line."""
    return np.resize(_HUSH, count)
