"""May feelings be read from this caller's voice? One call's answer, and who gave it.

    nobody was told            → no
    the notice was given       → yes, where the settings allow it
    the caller does not want   → no, from here on: a key, a phrase, or their application's switch
    the application asks again → yes, where the settings allow it and the notice was given

Reading emotions off a voice is allowed towards customers, and they must be told: clearly, and when
it begins at the latest (EU AI Act, Article 50(3)); who objects is left alone (GDPR, Article 21).
So there is no reading without a notice: an empty one switches emotion off, as `enabled` does.
Timing, pauses and words are no emotion recognition and go on. Pure: it knows no clock and no wire.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from tonewise.facts import VoiceCues

NOTICE = (
    "You are talking to a computer. It also listens to how you sound, for example whether you are "
    "upset, to help you better. {opt_out}"
)
"""What the caller is told unless the settings say otherwise; `{opt_out}` becomes how to object."""

OPT_OUT_PHRASES = (
    "don't analyse my voice",
    "don't analyse my emotions",
    "don't analyse my feelings",
    "don't analyse how I sound",
    "don't read my emotions",
    "don't read my feelings",
    "don't listen to how I sound",
    "stop analysing my voice",
    "stop analysing my emotions",
    "stop analysing my feelings",
    "stop analysing how I sound",
    "stop reading my emotions",
    "stop reading my feelings",
    "stop emotion",
    "turn off emotion",
    "turn emotion off",
    "switch off emotion",
    "switch emotion off",
    "no emotion recognition",
    "no emotion detection",
    "no emotion analysis",
)
"""Found anywhere in a turn, however it is spelled or punctuated. A wrong find costs little."""

By = Literal["notice", "api", "digit", "phrase", "settings"]


class Emotion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether feelings are read from voices, and what callers are told.

    Attributes:
        enabled: False switches emotion off for every call; words and timing still route.
        notice: what the caller is told; empty switches emotion off. `{opt_out}` becomes a sentence
            on how to object.
        notice_spoken: say it where the caller can hear us; it is shown in any case.
        recordings: read them from recordings as well, whose callers nobody can tell any more: that
            they were told when they were recorded is for you to see to.
        opt_out_digit: the key with which a caller objects; empty: none.
        opt_out_phrases: the words with which a caller objects.
    """

    enabled: bool = True
    notice: str = NOTICE
    notice_spoken: bool = True
    recordings: bool = True
    opt_out_digit: Annotated[str, Meta(pattern=r"^[0-9*#A-D]?$")] = "9"
    opt_out_phrases: tuple[Annotated[str, Meta(min_length=1)], ...] = OPT_OUT_PHRASES

    @property
    def allowed(self) -> bool:
        """May feelings be read from anybody?"""
        return self.enabled and bool(self.notice.strip())


@dataclass(frozen=True, slots=True)
class Change:
    """From here on feelings may be read (`on`), or not any more, and who wanted it."""

    on: bool
    by: By


class Consent:
    """One call's.

    Args:
        settings: what the deployment allows and says.
        keys: the caller has the keys of a telephone.
        recorded: it is a recording, and whoever is on it cannot be told any more.
        possible: the acoustic engine reads feelings; of one that does not, nobody need be told.
    """

    def __init__(
        self,
        settings: Emotion,
        *,
        keys: bool = False,
        recorded: bool = False,
        possible: bool = True,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._allowed = possible and settings.allowed and (settings.recordings or not recorded)
        self._told = recorded
        self._wanted = True

    @property
    def on(self) -> bool:
        """May feelings be read now?"""
        return self._allowed and self._told and self._wanted

    @property
    def notice(self) -> str | None:
        """What has to be told before they may; None where it was, or where they may not anyway."""
        if self._told or not (self._allowed and self._wanted):
            return None
        return in_full(self._settings, keys=self._keys)

    def given(self) -> Change | None:
        """The notice was shown, or has been said."""
        before, self._told = self.on, True
        return self._changed(before, "notice")

    def pressed(self, digit: str) -> Change | None:
        """The caller pressed a key."""
        return self._want(False, "digit") if digit == self._settings.opt_out_digit else None

    def said(self, text: str) -> Change | None:
        """The caller said something."""
        found = objects(text, self._settings.opt_out_phrases)
        return self._want(False, "phrase") if found else None

    def switched(self, on: bool) -> Change | None:
        """The caller's application asks for it, or for an end to it.

        Where the settings do not allow it, the application is told so. Where the caller was not
        told yet, there is a `notice` again, and nothing is read before it was given.
        """
        if on and not self._allowed:
            return Change(on=False, by="settings")
        return self._want(on, "api")

    def _want(self, wanted: bool, by: By) -> Change | None:
        before, self._wanted = self.on, wanted
        return self._changed(before, by)

    def _changed(self, before: bool, by: By) -> Change | None:
        return Change(self.on, by) if self.on != before else None


def in_full(settings: Emotion, *, keys: bool = False) -> str:
    """The notice, with how to object in it."""
    return settings.notice.replace("{opt_out}", opt_out(settings, keys=keys)).strip()


def opt_out(settings: Emotion, *, keys: bool = False) -> str:
    """One sentence on how to object; empty where there is no way but the application's own."""
    ways = []
    if keys and settings.opt_out_digit:
        name = {"*": "the star key", "#": "the hash key"}
        ways.append(f"press {name.get(settings.opt_out_digit, settings.opt_out_digit)}")
    if settings.opt_out_phrases:
        ways.append(f"say: {settings.opt_out_phrases[0]}")
    return f"If you do not want that, {', or '.join(ways)}." if ways else ""


def objects(text: str, phrases: tuple[str, ...]) -> bool:
    """Is one of the phrases in what was said?"""
    heard = f" {_plain(text)} "
    return any((plain := _plain(phrase)) and f" {plain} " in heard for phrase in phrases)


def without_feelings(cues: VoiceCues, why: str) -> VoiceCues:
    """The cues of a turn whose caller objected in that very turn. Timing stays."""
    return replace(
        cues,
        emotion=None,
        arousal=None,
        valence=None,
        departure=None,
        frustration=None,
        unknown=why,
    )


_SMALL = re.compile(r"\b(?:the|please|um|uh|to)\b")


def _plain(text: str) -> str:
    """Lower case, no punctuation, "don't" as "do not", British as American, no small words."""
    words = re.sub(r"[^\w]+", " ", re.sub(r"['’]", "", text.lower()))
    words = re.sub(r"\bdont\b", "do not", words).replace("analyz", "analys")
    words = _SMALL.sub(" ", words)
    return " ".join(words.split())
