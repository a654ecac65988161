"""Call folders from what people have: recordings, with a transcript where there is one.

Read are Contact Lens files of Amazon Connect (`Transcript` and `Participants`), transcripts of
Genesys Cloud's speech analytics (`transcripts` with `phrases`), and plain text. A transcript with
times becomes the events of the call, so that its words and the agent's replies can stand in for
live ones; plain text becomes an expectation.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tonewise import __version__, audio_file
from tonewise.errors import RecordingError
from tonewise.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    ReplyEnded,
    SpeechStarted,
    TurnEnded,
    TurnTranscribed,
    to_json,
)
from tonewise.facts import Transcript
from tonewise.recording.folder import EVENTS, SOUNDS, About, Voice, write_about
from tonewise.replaying import expecting
from tonewise.replaying.expectations import FILE, Expectations, ExpectedCall

ONE_TURN_S = 1.0
"""Phrases of the caller this close together, with nothing said between, are one turn."""

AGENT = "agent"
"""Who gave the replies of an imported call."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something that was said, in seconds of the recording."""

    begin_s: float
    end_s: float
    text: str
    by_caller: bool


@dataclass(frozen=True, slots=True)
class Conversation:
    """A transcript with times."""

    phrases: tuple[Phrase, ...]
    language: str | None
    source: str


def make(folder: Path, sound: Path, transcript: Path | None, channel: int | None) -> Path:
    """Make a call folder.

    Args:
        folder: is made here.
        sound: any recording; it is copied as it is.
        transcript: JSON of Contact Lens or Genesys, or plain text.
        channel: the caller's, from 0. In stereo recordings of Twilio, Genesys and Amazon Connect
            the caller comes first, so None takes 0.

    Raises:
        AudioError: it is no recording.
        RecordingError: the folder is there already, or the transcript cannot be understood.
    """
    recording = audio_file.probe(sound)
    next(block for block in audio_file.blocks(sound) if block.size)  # is there any sound?
    if channel is not None and channel >= recording.channels:
        there = ", ".join(map(str, range(recording.channels)))
        raise RecordingError(f"{sound}: it has no channel {channel}; choose from {there}")
    if folder.exists():
        raise RecordingError(f"{folder}: there is something already; name a folder to be made")
    heard, words = None, None
    if transcript and (transcript.suffix.lower() == ".json" or _looks_like_json(transcript)):
        heard = read(transcript)
    elif transcript:
        words = _plain_text(transcript)
    folder.mkdir(parents=True)
    suffix = sound.suffix.lower()
    shutil.copyfile(sound, folder / f"call{suffix if suffix in SOUNDS else '.wav'}")
    caller = channel or 0
    others: Voice = "other"
    voices: tuple[Voice, ...] = tuple(
        "caller" if number == caller else others for number in range(recording.channels)
    )
    about = About(
        tonewise=__version__,
        call=folder.name,
        wire="import",
        seconds=recording.seconds,
        channels=voices,
        language=heard.language if heard else None,
        source=heard.source if heard else sound.name,
    )
    write_about(folder, about)
    if heard:
        lines = (to_json(event) + b"\n" for event in events(about, heard.phrases))
        (folder / EVENTS).write_bytes(b"".join(lines))
    if words:
        expecting.write(folder / FILE, Expectations(call=ExpectedCall(said=words)))
    return folder


def _looks_like_json(path: Path) -> bool:
    """Transcripts are also kept under other names than .json; nobody's words begin like that."""
    return _bytes(path).lstrip().startswith((b"{", b"["))


def _plain_text(path: Path) -> str:
    try:
        words = " ".join(_bytes(path).decode("utf-8-sig").split())
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path}: no text in UTF-8") from error
    if "\0" in words:
        raise RecordingError(f"{path}: no text, but data")
    if not words:
        raise RecordingError(f"{path}: it holds no words")
    return words


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error


# ---------------------------------------------------------------- transcripts


def read(path: Path) -> Conversation:
    """A transcript with times.

    Raises:
        RecordingError: no JSON, or of neither kind.
    """
    try:
        told = msgspec.json.decode(_bytes(path))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: no JSON: {error}") from error
    try:
        if isinstance(told, dict) and "Transcript" in told:
            return _contact_lens(told)
        if isinstance(told, dict) and "transcripts" in told:
            return _genesys(told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise RecordingError(f"{path}: not what its format promises: {what}") from error
    msg = f"{path}: neither Contact Lens (Transcript) nor Genesys (transcripts)"
    raise RecordingError(msg)


def _contact_lens(told: Mapping[str, Any]) -> Conversation:
    roles = {
        person["ParticipantId"]: person["ParticipantRole"]
        for person in told.get("Participants", ())
    }
    phrases = (
        Phrase(
            begin_s=said["BeginOffsetMillis"] / 1000,
            end_s=said["EndOffsetMillis"] / 1000,
            text=str(said["Content"]).strip(),
            by_caller=_role(said, roles) == "CUSTOMER",
        )
        for said in told["Transcript"]
    )
    language = str(told.get("LanguageCode", "")).split("-")[0].lower() or None
    contact = told.get("CustomerMetadata", {}).get("ContactId", "")
    return Conversation(_in_order(phrases), language, f"Amazon Connect {contact}".strip())


def _role(said: Mapping[str, Any], roles: Mapping[str, str]) -> str:
    person = said["ParticipantId"]
    return str(said.get("ParticipantRole") or roles.get(person) or person).upper()


def _genesys(told: Mapping[str, Any]) -> Conversation:
    transcripts = told["transcripts"]
    whole = [phrase for each in transcripts for phrase in each["phrases"]]
    began = told.get("startTime") or told.get("mediaStartTime") or 0
    phrases = (_genesys_phrase(phrase, float(began)) for phrase in whole)
    language = str(transcripts[0].get("language", "")) if transcripts else ""
    source = f"Genesys {told.get('conversationId', '')}".strip()
    return Conversation(_in_order(phrases), language.split("-")[0].lower() or None, source)


def _genesys_phrase(phrase: Mapping[str, Any], began_ms: float) -> Phrase:
    """Begins at an offset into the recording, or at a time of day in milliseconds since 1970."""
    if "offset" in phrase:
        begin_ms = float(phrase["offset"]["milliseconds"])
    else:
        begin_ms = float(phrase["startTimeMs"]) - began_ms
    end_ms = begin_ms + float(phrase["duration"]["milliseconds"])
    text = str(phrase.get("decoratedText") or phrase["text"]).strip()
    by_caller = phrase["participantPurpose"] in ("external", "customer")
    return Phrase(begin_ms / 1000, end_ms / 1000, text, by_caller)


def _in_order(phrases: Iterable[Phrase]) -> tuple[Phrase, ...]:
    found = sorted((each for each in phrases if each.text), key=lambda each: each.begin_s)
    if any(each.begin_s < 0 or each.end_s < each.begin_s for each in found):
        raise ValueError("a phrase ends before it begins, or begins before the call")
    return tuple(found)


# ---------------------------------------------------------------- events


def events(about: About, phrases: Sequence[Phrase]) -> Iterator[AnyEvent]:
    """A conversation between two people as the events of a call; the agent gives the replies."""
    yield CallStarted(
        at=0.0, call=about.call, wire=about.wire, engines=about.engines, language=about.language
    )
    number, end_s = 0, 0.0
    for caller, said in _turns(phrases):
        text = " ".join(phrase.text for phrase in said)
        begin_s, end_s = round(said[0].begin_s, 3), round(max(each.end_s for each in said), 3)
        if caller:
            number += 1
            yield SpeechStarted(at=begin_s, turn=number, start_s=begin_s)
            yield TurnEnded(at=end_s, turn=number, start_s=begin_s, end_s=end_s, reason="patience")
            transcript = Transcript(text, language=about.language)
            yield TurnTranscribed(at=end_s, turn=number, transcript=transcript)
        elif number:
            yield ReplyEnded(at=begin_s, turn=number, text=text, outcome="answered", model=AGENT)
    at = max(about.seconds or 0.0, end_s)
    yield CallEnded(at=round(at, 3), reason="end of recording", turns=number)


def _turns(phrases: Sequence[Phrase]) -> list[tuple[bool, list[Phrase]]]:
    """Phrases of one side that follow each other; the agent's are one reply however long it is."""
    found: list[tuple[bool, list[Phrase]]] = []
    for phrase in phrases:
        last = found[-1] if found else None
        if last and last[0] == phrase.by_caller:
            near = phrase.begin_s - last[1][-1].end_s < ONE_TURN_S
            if near or not phrase.by_caller:
                last[1].append(phrase)
                continue
        found.append((phrase.by_caller, [phrase]))
    return found
