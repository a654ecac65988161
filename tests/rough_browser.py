"""Chromium on a rough line: it calls a real server through a relay that loses packets."""

import asyncio
import csv
import json
import re
import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from chromium import browser
from page_calls import TALKS_AT_ONCE, microphone, opened
from rough_net import Relay
from spoken import CALLS, REAL
from tonewise.audio import RATE, Samples
from tonewise.audio_file import read
from tonewise.config import Config
from tonewise.default_models import DEFAULT_MODELS
from tonewise.server import running
from tonewise.settings import Acoustic, Server, Stt, Tts
from tonewise.signalling import Offer, Signalling

GAP_S = 1.6
"""Of silence between two sentences: each is a turn, and is answered by a text."""

SENTENCES = (
    "moonshine/beckett.flac",
    "lhotse/2412-153948-0000.flac",
    "whisper/jfk.flac",
    "picovoice/leopard_test.flac",
    "realtimestt/LJ001-0004.flac",
    "deepspeech/arctic_a0024.flac",
    "deepspeech/new-home-in-the-stars-16k.flac",
    "lhotse/libri-1088-134315-0000.flac",
    "pocketsphinx/sense_and_sensibility_01_austen_64kb-0870.flac",
    "pocketsphinx/sense_and_sensibility_01_austen_64kb-0890.flac",
    "pocketsphinx/sense_and_sensibility_01_austen_64kb-0930.flac",
)
"""Real people, and what they say is known."""

SYNTHETIC = (
    "Can you tell me where my order is? Yes, please. Thank you very much.",
    "Um, I have a question about my contract. Well, I am not sure. Maybe, maybe I paid it twice. "
    "Um, I don't know. Is it better to cancel it, um, or, or, um, or to wait?",
)

_LISTEN = """
const create = RTCPeerConnection.prototype.createDataChannel;
globalThis.told = [];
RTCPeerConnection.prototype.createDataChannel = function (...how) {
  const channel = create.apply(this, how);
  channel.addEventListener("message", ({ data }) => told.push([performance.now() / 1000, data]));
  return channel;
};
"""


@dataclass
class Call:
    """What came of a call.

    Attributes:
        behind: seconds by which the caller's page hears of a sound later than it was in the call,
            each with the second of the call; their origin means nothing, their growth does.
    """

    said: list[str] = field(default_factory=list)
    behind: list[tuple[float, float]] = field(default_factory=list)
    lost: int = 0
    passed: int = 0

    @property
    def growth_s(self) -> float:
        """How much later the last third is than the first."""
        third = len(self.behind) // 3
        first, last = self.behind[:third], self.behind[-third:]
        return statistics.median(b for _, b in last) - statistics.median(b for _, b in first)


def material(seconds: float) -> tuple[Samples, str]:
    """Sentences for so long, and their words."""
    pieces: list[Samples] = [np.zeros(round(1.5 * RATE), np.float32)]
    words: list[str] = []
    every = _sentences()
    while sum(map(len, pieces)) < seconds * RATE:
        sound, text = every[len(words) % len(every)]
        pieces += [sound, np.zeros(round(GAP_S * RATE), np.float32)]
        words.append(text)
    return np.concatenate(pieces), " ".join(words)


def _sentences() -> list[tuple[Samples, str]]:
    if not REAL.is_dir():
        return [(read(path), text) for path, text in zip(CALLS, SYNTHETIC, strict=False)]
    with (REAL / "manifest.csv").open(newline="") as file:
        texts = {row["path"]: row["text"] for row in csv.DictReader(file)}
    return [(_levelled(read(REAL / path)), texts[path]) for path in SENTENCES if path in texts]


def _levelled(samples: Samples) -> Samples:
    """As loud as the others, so that no voice is lost for being recorded softly."""
    loud = float(np.sqrt(np.mean(np.square(samples))))
    level: Samples = np.clip(samples * (0.06 / max(loud, 1e-4)), -1, 1).astype(np.float32)
    return level


def plain(text: str) -> str:
    """Words alone, for counting errors."""
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower().replace("-", " ")).split())


def _settings() -> Config:
    return Config(
        server=Server(port=0),
        stt=Stt(use="moonshine", partials=0.0),
        acoustic=Acoustic(use="prosody"),
        models=DEFAULT_MODELS[None],
        tts=Tts(use="none"),
    )


@asynccontextmanager
async def behind_a_relay(relay: Relay | None) -> AsyncIterator[None]:
    """Every call of this process's servers goes through the relay; None: as it is."""
    answer = Signalling._answer

    async def relayed(self: Signalling, request: Any, offer: Offer) -> tuple[str, str]:
        lines = offer.sdp.splitlines()
        kept = [line for line in lines if not line.startswith("a=candidate:")]
        known = {name: getattr(offer, name) for name in offer.__struct_fields__}
        known["sdp"] = "\r\n".join(kept) + "\r\n"
        name, sdp = await answer(self, request, Offer(**known))
        assert relay is not None
        return name, await relay.through(sdp)

    if relay:
        Signalling._answer = relayed  # type: ignore[method-assign]
    try:
        yield
    finally:
        Signalling._answer = answer  # type: ignore[method-assign]
        if relay:
            relay.close()


async def call(sound: Samples, relay: Relay | None = None) -> Call:
    """A caller's whole call in a real browser; `sound` is what its microphone hears."""
    seconds = len(sound) / RATE
    with tempfile.TemporaryDirectory() as folder:
        flags = microphone(Path(folder), sound)
        async with (
            behind_a_relay(relay),
            running(_settings(), environ={}) as serving,
            browser(TALKS_AT_ONCE, *flags) as page,
        ):
            await page.call("Page.addScriptToEvaluateOnNewDocument", source=_LISTEN)
            await opened(page, serving.url)
            await page.click("#talk")
            await page.until("document.querySelector('.turn') !== null", 30)
            assert await page.text("#way") == "over WebRTC"
            await asyncio.sleep(seconds + 1)
            await page.click("#stop")
            await page.until("document.querySelector('.foot')?.textContent", 20)
            told = [(at, json.loads(text)) for at, text in await page.js("told")]
    made = Call(lost=relay.lost if relay else 0, passed=relay.passed if relay else 0)
    for arrived, event in told:
        if event["event"] == "turn_transcribed":
            made.said.append(event["transcript"]["text"])
        if event["event"] in ("speech_started", "speech_paused", "speech_resumed"):
            made.behind.append((event["at"], arrived - event["at"]))
    return made
