"""Speech over our replies: what has to stop them, and what must not."""

import asyncio
import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tonewise import plugins
from tonewise.audio import RATE, Samples
from tonewise.audio_file import read
from tonewise.tts.reading import readable
from tonewise.tts.sentences import Sentences
from turn_taking.live_answers import MODEL, Setting, in_fours
from turn_taking.live_caller import Caller
from turn_taking.live_clips import WINDOW, Clip, loud_windows
from turn_taking.live_figures import percentile, row, table
from turn_taking.live_server import Server, running
from turn_taking.stub_llm import LONG

INTERRUPTIONS, PER_CALL = 100, 10
STUCK_S = 8.0
"""A call in which nothing is heard for so long after a question is stuck."""

A_WORD_S = 0.35
"""Of memory and ear may differ by so much: a word, whose place within its sentence is estimated."""

SPOKEN = '[tts]\nuse = "espeak"\n'


@dataclass
class Stops:
    """What became of the interruptions.

    Attributes:
        last_ms: from the onset to the last sound that came.
        held_ms: to the word that the reply is held, from which on the device plays nothing.
        sound_ms: how much of the caller's sound was needed for that.
        beyond_s: seconds that the history claims beyond what was played.
    """

    last_ms: list[float] = field(default_factory=list)
    held_ms: list[float] = field(default_factory=list)
    sound_ms: list[float] = field(default_factory=list)
    beyond_s: list[float] = field(default_factory=list)
    remembered: set[str] = field(default_factory=set)
    tried: int = 0
    kept_talking: int = 0
    stuck: int = 0
    notes: list[str] = field(default_factory=list)


async def interruptions(setting: Setting) -> None:
    """Callers who speak over long replies at random moments, again and again."""
    count = 20 if setting.quick else INTERRUPTIONS
    places = await spoken_places(LONG)
    found = Stops()
    models = MODEL.format(how="long")
    async with running(setting.folder, endpoint=setting.endpoint, models=models, more=SPOKEN) as at:
        work = [
            interrupting(at, setting, number, places, found) for number in range(count // PER_CALL)
        ]
        await in_fours(work)
        asked = await at.asked()
    told = {m["content"] for each in asked for m in each["messages"] if m["role"] == "assistant"}
    table(["interruptions", "median ms", "p95 ms", "longest ms", "within 100 ms"])
    for name, values in (
        ("last sound that came", found.last_ms),
        ("device told to stop", found.held_ms),
        ("of it sound that had to be heard", found.sound_ms),
    ):
        fast = sum(value <= 100 for value in values)
        longest = f"{max(values):.0f}" if values else "–"
        waits = [percentile(values, share) for share in (50, 95)]
        row([f"{name}, {len(values)}", *waits, longest, f"{fast}/{found.tried}"])
    beyond = sum(seconds > A_WORD_S for seconds in found.beyond_s)
    print(f"\nnot stopped: {found.kept_talking}; stuck calls: {found.stuck}")
    print(f"history beyond what was played: {beyond} of {len(found.beyond_s)}", end="; ")
    print(f"at most {max(found.beyond_s, default=0):.2f} s; ", end="")
    print(f"requests with other words of ours: {len(told - found.remembered)} of {len(told)}")
    for note in found.notes[:20]:
        print(f"    {note}")


async def interrupting(
    server: Server, setting: Setting, number: int, places: "Places", found: Stops
) -> None:
    """One call: a question, and every reply to it is interrupted by the next."""
    rng = np.random.default_rng(setting.seed + number)
    ready = setting.of("orders", "questions and short answers")
    drawn = [ready[at] for at in rng.permutation(len(ready))[: PER_CALL + 1]]
    async with Caller(server.call, rng, speech=True) as caller:
        caller.say(caller.room(0.5))
        begin = caller.say(drawn[0].samples)
        for clip in drawn[1:]:
            await caller.until_sent(begin)
            since = caller.when_sent(begin)
            sounded = await caller.until("reply_sounded", since, STUCK_S + 4)
            if sounded is None:
                found.stuck += 1
                found.notes.append(f"stuck: {[e['event'] for _, e in caller.told[-8:]]}")
                return
            await asyncio.sleep(rng.uniform(0.2, 5.0))
            if caller.playing_upto() < time.perf_counter():
                continue  # it was over before
            begin, onset = speak_over(caller, clip)
            await interrupted(caller, sounded[1]["turn"], (begin, onset), clip.name, places, found)
        caller.say(caller.room(1.0))
        for _, event in caller.all("reply_ended"):
            found.remembered.add(event["text"])
        await asyncio.sleep(3)


def speak_over(caller: Caller, clip: Clip) -> tuple[int, int]:
    """Say a clip now; the samples at which it and its first loud sound begin."""
    samples = clip.samples
    peak = 10 ** (15 / 20) * float(np.abs(samples).max())
    onset = int(np.flatnonzero(loud_windows(samples, peak))[0]) * WINDOW  # above -20 dB
    begin = caller.say(samples[max(0, onset - RATE // 50) :])
    return begin, begin + min(onset, RATE // 50)


async def interrupted(
    caller: Caller, turn: int, clip: tuple[int, int], name: str, places: "Places", found: Stops
) -> None:
    """Watch one reply stop; `clip` tells where the sound over it and its first loud sound begin."""
    begin, onset = clip
    await caller.until_sent(onset)
    first, since = caller.when_sent(begin), caller.when_sent(onset)
    found.tried += 1
    held = await caller.until("reply_held", first, 3.0)
    stopped = await caller.until("reply_interrupted", first, 4.0)
    if stopped is None or held is None:
        found.kept_talking += 1
        after = [e["event"] for at, e in caller.told if at >= since]
        found.notes.append(f"not stopped: {after}")
        return
    sounds = [at for at, _ in caller.sound if since <= at <= stopped[0] + 0.3]
    resumed = caller.all("reply_resumed", first)
    if resumed and resumed[0][0] < stopped[0]:
        found.notes.append("held, resumed, and then interrupted")
    found.last_ms.append(max(0.0, (max(sounds, default=since) - since) * 1000))
    found.held_ms.append(max(0.0, held[0] - since) * 1000)
    found.sound_ms.append(held[1]["at"] * 1000 - onset * 1000 / RATE)
    if found.last_ms[-1] > 100 or found.held_ms[-1] > 100:
        found.notes.append(
            f"{name}: held {found.held_ms[-1]:.0f} ms, last sound {found.last_ms[-1]:.0f} ms, "
            f"sound {found.sound_ms[-1]:.0f} ms"
        )
    ended = await caller.until("reply_ended", since, 2.0, lambda event: event["turn"] == turn)
    if ended:
        began = next(at for at, e in caller.all("reply_sounded") if e["turn"] == turn)
        played_s = caller.played_between(began, held[0])
        found.beyond_s.append(places.second(ended[1]["text"]) - played_s)


# ---------------------------------------------------------------- what was heard


class Places:
    """Where in the sound of a reply its words stand."""

    def __init__(self, chunks: Sequence[tuple[str, float]]) -> None:
        self._chunks = chunks

    def second(self, text: str) -> float:
        """The second at which the first words `text` of the reply have been said."""
        at = 0.0
        left = text.rstrip()
        for chunk, seconds in self._chunks:
            if len(left) >= len(chunk.rstrip()):
                left, at = left[len(chunk) :], at + seconds
                continue
            return at + seconds * len(left) / len(chunk)
        return at


async def spoken_places(text: str) -> Places:
    """How long our own voice takes for every sentence of a reply."""
    voice = plugins.load("tts", "espeak")
    sentences = Sentences()
    chunks = []
    words = text.split(" ")
    pieces = [word if not at else f" {word}" for at, word in enumerate(words)]
    for chunk in [c for piece in pieces for c in sentences.feed(piece)] + list(sentences.flush()):
        sound = [len(s) async for s in voice.speak(readable(chunk.source, "en"), "en")]
        chunks.append((chunk.source, sum(sound) / RATE))
    await voice.aclose()
    return Places(chunks)


# ---------------------------------------------------------------- false alarms


@dataclass
class Alarms:
    """What became of replies under sounds that ask for nothing."""

    tried: int = 0
    answered: int = 0
    held: int = 0
    silent_s: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


async def false_alarms(setting: Setting) -> None:
    """Sneezes, hums and our own echo: the reply has to be heard to its end."""
    count = 4 if setting.quick else 20
    rng = np.random.default_rng(setting.seed)
    kinds = {
        "a sneeze": sneezes(setting),
        "“mm-hm” (a hum)": hums(setting, rng, count),
        "our own echo, -20 dB": None,
    }
    table(["over the reply", "answered to the end", "held", "silent, median s"])
    models = MODEL.format(how="medium")
    async with running(
        setting.folder, endpoint=setting.endpoint, models=models, more=SPOKEN, stt="auto", workers=4
    ) as at:
        for name, sounds in kinds.items():
            found = Alarms()
            await in_fours([disturbed(at, setting, i, sounds, found) for i in range(count)])
            silent = f"{np.median(found.silent_s):.2f}" if found.silent_s else "–"
            row([name, f"{found.answered}/{found.tried}", f"{found.held} times", silent])
            for note in found.notes[:6]:
                print(f"    {note}")


async def disturbed(
    server: Server, setting: Setting, number: int, sounds: Sequence[Samples] | None, found: Alarms
) -> None:
    """One reply, and a sound over it; without sounds, the line echoes."""
    rng = np.random.default_rng(setting.seed + 1000 + number)
    echo = None if sounds else (0.1, float(rng.uniform(0.15, 0.3)))
    ready = setting.of("orders")
    async with Caller(server.call, rng, speech=True, echo=echo) as caller:
        caller.say(caller.room(0.5))
        begin = caller.say(ready[number % len(ready)].samples)
        await caller.until_sent(begin)
        sounded = await caller.until("reply_sounded", caller.when_sent(begin), 12)
        if sounded is None:
            found.notes.append("never answered")
            found.tried += 1
            return
        found.tried += 1
        if sounds:
            await asyncio.sleep(rng.uniform(0.3, 4.0))
            caller.say(sounds[number % len(sounds)])
        turn = sounded[1]["turn"]
        over = await caller.until("reply_ended", sounded[0], 20, lambda e: e["turn"] == turn)
        held, resumed = (caller.all(k, sounded[0]) for k in ("reply_held", "reply_resumed"))
        found.held += len(held)
        found.silent_s += [b[0] - a[0] for a, b in zip(held, resumed, strict=False)]
        if over and over[1]["outcome"] == "answered":
            found.answered += 1
        else:
            heard = [e["transcript"]["text"] for _, e in caller.all("turn_transcribed")]
            found.notes.append(f"{number}: {over and over[1]['outcome']}; heard {heard[1:]}")


def sneezes(setting: Setting) -> list[Samples]:
    """The loudest 0.5 s of each recorded sneeze."""
    with (setting.data / "speech" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        paths = [row["path"] for row in csv.DictReader(file) if "Person_sneeze" in row["tags"]]
    return [loudest(read(setting.data / "speech" / path), 0.5) for path in sorted(paths)]


def hums(setting: Setting, rng: np.random.Generator, count: int) -> list[Samples]:
    """0.45 s of hums: neutral vocal bursts of many people."""
    folder = setting.data / "emotion" / "emogator"
    if not (folder / "manifest.csv").is_file():
        return []
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    neutral = sorted(each["path"] for each in rows if each["label"] == "neutral")
    drawn = rng.choice(neutral, count, replace=False)
    return [loudest(read(folder / path), 0.45) for path in drawn]


def loudest(samples: Samples, seconds: float) -> Samples:
    """The loudest stretch, faded in and out, at the level of the clips."""
    size = min(len(samples), round(seconds * RATE))
    energy = np.cumsum(np.concatenate([[0.0], samples.astype(np.float64) ** 2]))
    begin = int(np.argmax(energy[size:] - energy[:-size]))
    cut = samples[begin : begin + size] * (0.4 / max(1e-4, float(np.abs(samples).max())))
    fade = RATE // 50
    cut[:fade] *= np.linspace(0, 1, fade)
    cut[-fade:] *= np.linspace(1, 0, fade)
    return cut.astype(np.float32)
