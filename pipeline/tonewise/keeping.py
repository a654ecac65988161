"""What of a call may be kept, for how long and under which conditions: `[recording]`."""

from typing import Annotated, Literal

from msgspec import Meta

from tonewise.settings import Section


class Recording(Section, frozen=True):
    """Calls are recorded only where `folder` is named.

    Attributes:
        folder: where a folder per call is made; empty records nothing.
        consent: `required` records only calls whose caller is known to agree (`caller` holds a true
            `recording_consent`); `assumed` records all, for who has asked otherwise.
        keep_days: after this many days a recording is deleted; None keeps it.
        redact: what is masked in every text.
        silence: silence over it in the sound, too. Sound is then written when a turn's words are
            known; where the STT gives no word times the whole turn is silenced.
        encrypt: sound and events are encrypted on disk (AES-256-GCM).
        key_env: the variable that holds the key: 32 bytes in base64.
        queue: pieces of sound and events that may wait for the disk. Where more would wait, the
            recording ends and the call goes on.
    """

    folder: str = ""
    consent: Literal["required", "assumed"] = "required"
    keep_days: Annotated[int, Meta(ge=1, le=36_500)] | None = 30
    redact: tuple[Literal["digits", "emails"], ...] = ("digits", "emails")
    silence: bool = False
    encrypt: bool = False
    key_env: str = "TONEWISE_RECORDING_KEY"
    queue: Annotated[int, Meta(ge=10, le=100_000)] = 2000
