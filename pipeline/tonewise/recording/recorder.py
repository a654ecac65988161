"""Follows a call and keeps it, as it goes.

What happens is put into a queue and a thread of its own writes it, so that the call never waits for
a disk. Where the disk is slower than the call the recording ends and says so, and the call goes on.
"""

import queue
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from tonewise.audio import RATE, Samples
from tonewise.events import AnyEvent, CallEnded, ReplyHeld, ReplyInterrupted, to_json
from tonewise.keeping import Recording
from tonewise.recording.folder import EVENTS, SOUND, About, Kept, Sealing, write_about
from tonewise.recording.redaction import redacted
from tonewise.recording.silencing import Silencer
from tonewise.recording.sound import Flac, Pcm, TwoVoices, pcm

LAG_S = 0.25
"""Sound is written this much late, so that a reply that comes a little late finds its place."""

_Piece = AnyEvent | Pcm | tuple[int, Pcm, float]


class Recorder:
    """A witness that writes a call's folder.

    Args:
        folder: is made here; must not exist.
        about: what is known at the beginning.
        keeping: what may be kept.
        seal: encrypts, where it is given.
        lead_in_s: how much sound a turn's audio has from before its first speech.
        patient: wait for the disk instead of ending the recording: for replays, which can wait.
        troubled: told, once and from any thread, why the recording ended before the call.
    """

    def __init__(
        self,
        folder: Path,
        about: About,
        keeping: Recording,
        *,
        seal: Sealing | None = None,
        lead_in_s: float = 0.3,
        patient: bool = False,
        troubled: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder
        self._patient = patient
        self._troubled = troubled
        self._waiting: queue.Queue[_Piece | None] = queue.Queue(keeping.queue)
        self._stopped: str | None = None
        about = replace(about, complete=False)
        silencer = Silencer(keeping.redact if keeping.silence else (), lead_in_s)
        self._writer = _Writer(folder, about, keeping, seal, silencer)
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    def told(self, event: AnyEvent) -> None:
        """Keep an event; the last one ends the recording."""
        self._put(event)
        if isinstance(event, CallEnded):
            self._put(None)

    def heard(self, samples: Samples) -> None:
        """Keep the caller's sound."""
        self._put(pcm(samples))

    def spoke(self, turn: int, samples: Samples, at_s: float) -> None:
        """Keep our sound."""
        self._put((turn, pcm(samples), at_s))

    def close(self, timeout_s: float = 10.0) -> None:
        """Wait until all is written. Blocks: call it where nobody waits."""
        if self._thread.is_alive():
            self._stopped = self._stopped or ""  # nothing more comes
            self._waiting.put(None)
        self._thread.join(timeout_s)

    def _put(self, piece: _Piece | None) -> None:
        if self._stopped is not None:
            return
        try:
            self._waiting.put(piece, block=self._patient)
        except queue.Full:
            self._stop("the disk was too slow: what was to be kept did not fit into the queue")

    def _stop(self, why: str) -> None:
        self._stopped = why
        self._troubled(f"recording {self.folder.name} ended before the call: {why}")

    def _write(self) -> None:
        """The thread: until the call is over, or until what could still be taken is written."""
        try:
            self._writer.open()
            while (piece := self._next()) is not None:
                self._writer.take(piece)
            self._writer.close(self._stopped or None)
        except Exception as error:  # noqa: BLE001 - a full disk, or a slip of ours: no call for that
            self._stop(f"{type(error).__name__}: {error}")
            self._writer.give_up(self._stopped or "")
            while self._patient and self._next() is not None:  # let go of who waits for us
                pass

    def _next(self) -> _Piece | None:
        while True:
            try:
                return self._waiting.get(timeout=1.0)
            except queue.Empty:
                if self._stopped is not None:
                    return None


class _Writer:
    """What the thread does."""

    def __init__(
        self,
        folder: Path,
        about: About,
        keeping: Recording,
        seal: Sealing | None,
        silencer: Silencer,
    ) -> None:
        self._folder, self._about, self._seal = folder, about, seal
        self._redact = keeping.redact
        self._silencer = silencer
        self._voices, self._flac = TwoVoices(), Flac()
        self._lag = round((silencer.lag_s or LAG_S) * RATE)

    def open(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True)
        write_about(self._folder, self._about)
        self._events = Kept(self._folder / EVENTS, self._seal)
        self._sound = Kept(self._folder / SOUND, self._seal)
        self._sound.write(self._flac.header)

    def take(self, piece: _Piece) -> None:
        if isinstance(piece, tuple):
            turn, samples, at_s = piece
            self._voices.speak(turn, self._silencer.spoken(turn, samples), at_s)
        elif isinstance(piece, np.ndarray):
            self._voices.hear(piece)
            self._keep(self._voices.heard - self._lag)
        else:
            self._tell(piece)

    def _tell(self, event: AnyEvent) -> None:
        self._silencer.told(event)
        if isinstance(event, ReplyHeld | ReplyInterrupted):
            self._voices.fall_silent(event.at)
        for kept in redacted(event, self._redact):
            self._events.write(to_json(kept) + b"\n")

    def _keep(self, upto: int) -> None:
        """Write the sound up to a sample, or as far as it is known what must not be heard."""
        begin = self._voices.taken
        both = self._voices.take(min(upto, self._silencer.known_upto(upto)))
        if len(both):
            self._silencer.silence(both, begin)
            self._write_frames(self._flac.push(both))

    def _write_frames(self, frames: list[bytes]) -> None:
        if frames:
            self._sound.write(b"".join(frames))

    def close(self, stopped: str | None) -> None:
        self._silencer.over(self._voices.heard)
        self._keep(self._voices.heard)
        self._write_frames(self._flac.finish())
        self._sound.rewrite_first(self._flac.header)
        self._let_go(stopped, complete=True)

    def give_up(self, stopped: str) -> None:
        """After an error: what can still be told is told."""
        try:
            self._let_go(stopped, complete=False)
        except (OSError, AttributeError):
            return  # not even that; or nothing was opened

    def _let_go(self, stopped: str | None, *, complete: bool) -> None:
        self._events.close()
        self._sound.close()
        seconds = round(self._voices.taken / RATE, 3)
        ended = replace(self._about, complete=complete, stopped=stopped, seconds=seconds)
        write_about(self._folder, ended)
