"""Everything that tonewise raises on purpose, as one tree.

    TonewiseError
    ├── ConfigError    a setting is wrong: the message names the key, the place and the choices
    ├── PluginError    an engine cannot be found or loaded: the message says how to get it
    ├── AudioError     a file or a stream is no audio that we can hear
    ├── RecordingError a call folder, a script or expectations cannot be read: names file and line
    ├── WireError      a peer broke the protocol; `close_code` is what the socket closes with
    ├── StoreError     the database cannot be opened, read or understood
    ├── StageError     an engine could not do its work for one turn
    └── AttemptError   one try at one model failed; `outcome` says how

A message says what was wrong, where, and what to do. It never holds a key or a token.
"""

from typing import Literal

Failure = Literal[
    "rate_limited",
    "refused",
    "bad_request",
    "too_long",
    "content_filtered",
    "upstream_error",
    "unreachable",
    "timed_out",
    "no_first_token",
    "garbled",
    "cut_short",
]
"""How a try at a model failed, by the model's own doing."""

Outcome = Literal["answered", Failure, "cancelled", "lost", "skipped"]
"""How a try at a model ended.

answered: the whole reply came. rate_limited: HTTP 429. refused: another 4xx (a wrong key, an
unknown model). bad_request: HTTP 400, 413 or 422: what was asked is at fault, not the model.
too_long: the conversation passes the context window. content_filtered: a content policy stopped
question or reply. upstream_error: 5xx, or an error inside a stream that began with 200.
unreachable: no connection. timed_out: connected, but nothing came. no_first_token: headers came,
but no useful text in time. garbled: not what the API promises. cut_short: the stream broke after
some text. cancelled: the caller spoke over the reply, or hung up. lost: another model, asked
beside it, spoke first. skipped: not asked at all; the record says why.
"""


class TonewiseError(Exception):
    """The root: catch this to catch whatever tonewise raises on purpose."""


class ConfigError(TonewiseError):
    """A setting is unknown, of the wrong type or out of range."""


class PluginError(TonewiseError):
    """An engine, policy or transport cannot be found or loaded."""


class AudioError(TonewiseError):
    """A file or stream is no audio that we can hear."""


class RecordingError(TonewiseError):
    """A call folder, a scripted call or an expectations file is not what it should be."""


class WireError(TonewiseError):
    """A peer broke the protocol.

    Attributes:
        close_code: the WebSocket close code that says so (RFC 6455 §7.4.1).
    """

    def __init__(self, message: str, close_code: int = 1002) -> None:
        super().__init__(message)
        self.close_code = close_code


class StoreError(TonewiseError):
    """The store cannot be opened or read, or it is of a newer tonewise."""


class StageError(TonewiseError):
    """An engine could not do its work for one turn. The call goes on."""


class AttemptError(TonewiseError):
    """One try at one model failed before or during its reply.

    Attributes:
        outcome: how it failed.
        retry_after_s: seconds that the provider asks us to wait, where it says so.
    """

    def __init__(self, outcome: Outcome, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.outcome: Outcome = outcome
        self.retry_after_s = retry_after_s
