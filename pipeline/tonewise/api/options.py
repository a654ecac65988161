"""What a client may wish for one request, besides what its dialect has fields for.

    models        names; for `auto` those that may answer, for a named model who stands in for it
    ignore        names that may not answer
    sort          price (cost), latency (throughput), quality (intelligence, math, coding): one, or
                  several in their order; what comes later only decides between equals
    weights       of quality, cost, latency, energy and switch, as in the router's settings
    ttft_timeout  "500ms", "2s" or seconds: so long a model may take to its first useful piece
                  while there is another one to ask
    user          who is answered; experiments stick to it
    metadata      facts of the caller that rules may read
    voice         how the caller said it, from a client with ears of its own: fields of VoiceCues
    tonewise      what our last answer told under that key, or its `model` alone: while a round of
                  tool calls goes on, the model that began it is asked first

They may stand at the top of the request, in an object `extra_body`, or in `metadata`, whose values
are texts in OpenAI's SDKs: lists there are separated by commas, objects are JSON. `extra_body` is
what OpenAI's SDKs call the fields that they know nothing of; a client that sends it as it stands
means the same.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tonewise.api.problems import ApiError
from tonewise.facts import Scalar, VoiceCues
from tonewise.plugins import did_you_mean
from tonewise.routing.utility import Weights

Fields = dict[str, Any]
"""Of a request, each a `msgspec.Raw` as it came, until somebody looks at it."""

LONGEST_TTFT_S = 600.0
MOST_NAMES = 64
MOST_FACTS = 64
LONGEST_USER = 512

NAMES = ("models", "ignore", "sort", "weights", "ttft_timeout", "voice")
"""Of the options that no provider knows: they are taken out of the request."""

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s)?\s*")
_SORTS = {
    "price": "cost",
    "cost": "cost",
    "latency": "latency",
    "throughput": "latency",
    "quality": "quality",
    "intelligence": "quality",
    "math": "quality",
    "coding": "quality",
}
_STEP = 100.0
"""Times that one key of `sort` counts more than the next."""
_WEIGHTS = Weights.__struct_fields__
_SHARES = ("clipping", "hesitation", "arousal", "valence", "frustration", "quality")
_NOT_TOLD = ("hesitation_terms", "unknown")
_CUES = tuple(name for name in VoiceCues.__struct_fields__ if name not in _NOT_TOLD)


@dataclass(frozen=True, slots=True)
class Options:
    """What a request wishes; empty wishes nothing.

    Attributes:
        ttft_s: seconds to the first useful piece.
        caller: what `metadata` tells of the caller.
            began: the model that began the round of tool calls, as the client echoes it.
    """

    models: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    weights: dict[str, float] = field(default_factory=dict)
    ttft_s: float | None = None
    user: str = ""
    caller: dict[str, Scalar] = field(default_factory=dict)
    cues: VoiceCues | None = None
    began: str = ""


_NOTHING = Options()
_OURS = frozenset({*NAMES, "extra_body", "metadata", "user", "tonewise"})


def take(fields: Fields, *, keeps_metadata: bool = False) -> Options:
    """The options of a request; those that no provider knows are taken out of `fields`.

    Args:
        fields: of the request.
        keeps_metadata: its own metadata stays, for no provider will see it.

    Raises:
        ApiError: 400, names the one that is wrong.
    """
    if _OURS.isdisjoint(fields):
        return _NOTHING
    extra = _object(_plain(fields.pop("extra_body", None), "extra_body"), "extra_body")
    for name, value in extra.items():
        fields.setdefault(name, value)
    metadata = _object(_plain(fields.get("metadata"), "metadata"), "metadata")
    _keep_metadata(fields, metadata, always=keeps_metadata)
    if len(metadata) > MOST_FACTS:
        raise wrong("metadata", f"it has {len(metadata)} keys, and {MOST_FACTS} are the most")
    told = {name: metadata.pop(name) for name in NAMES if name in metadata}
    told |= {name: _plain(fields.pop(name), name) for name in NAMES if name in fields}
    echoed = _plain(fields.pop("tonewise", metadata.pop("tonewise", None)), "tonewise")
    user = _user(fields, metadata)
    facts = {key: value for key, value in metadata.items() if _is_scalar(value)}
    return Options(
        _names(told.get("models"), "models"),
        _names(told.get("ignore"), "ignore"),
        {**_sorted_by(told.get("sort")), **_weights(told.get("weights"))},
        _seconds(told.get("ttft_timeout")),
        user,
        {**facts, "user": user} if user else facts,
        _cues(told.get("voice")),
        _began(echoed),
    )


def wrong(param: str, what: str) -> ApiError:
    """A 400 that names the field."""
    return ApiError(400, f"{param}: {what}", param=param, code="invalid_value")


def plain(value: Any, param: str) -> Any:  # noqa: ANN401 - any JSON
    """A field's value as Python has it.

    Raises:
        ApiError: 400, it cannot be read.
    """
    if not isinstance(value, msgspec.Raw):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise wrong(param, f"it cannot be read: {error}") from error


_plain = plain


def _keep_metadata(fields: Fields, metadata: Mapping[str, Any], *, always: bool) -> None:
    """OpenAI takes metadata of what it is to store, and nothing else; Anthropic a user's id."""
    stored = always or plain(fields.get("store"), "store") is True
    kept = {
        name: value
        for name, value in metadata.items()
        if name not in NAMES and (stored or name == "user_id")
    }
    fields.pop("metadata", None)
    if kept:
        fields["metadata"] = kept


def _user(fields: Fields, metadata: Mapping[str, Any]) -> str:
    user = plain(fields.get("user"), "user")
    if user is None:
        user = metadata.get("user_id", "")
    if not isinstance(user, str) or len(user) > LONGEST_USER:
        raise wrong("user", f"it must be a text of at most {LONGEST_USER} characters")
    return user


def _object(value: object, param: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong(param, "it must be an object")
    return value


def _unpacked(value: object, param: str) -> object:
    """JSON in a text, as OpenAI's metadata has it."""
    if not isinstance(value, str) or not value.strip().startswith(("{", "[")):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise wrong(param, f"the JSON in it cannot be read: {error}") from error


def _names(value: object, param: str) -> tuple[str, ...]:
    value = _unpacked(value, param)
    if value is None:
        return ()
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise wrong(param, "it must be a list of names")
    if len(value) > MOST_NAMES:
        raise wrong(param, f"it has {len(value)} names, and {MOST_NAMES} are the most")
    return tuple(dict.fromkeys(value))


def _sorted_by(value: object) -> dict[str, float]:
    keys = _names(value, "sort")
    if not keys:
        return {}
    if unknown := [key for key in keys if key not in _SORTS]:
        raise wrong("sort", f"there is no {unknown[0]!r}; sort by {', '.join(_SORTS)}")
    weights = dict.fromkeys(_WEIGHTS, 0.0)
    for place, name in enumerate(dict.fromkeys(_SORTS[key] for key in keys)):
        weights[name] = _STEP ** (1 - place)
    return weights


def _weights(value: object) -> dict[str, float]:
    told = _object(_unpacked(value, "weights"), "weights")
    weights: dict[str, float] = {}
    for key, weight in told.items():
        name = _SORTS.get(key, key)
        if name not in _WEIGHTS:
            known = f"{did_you_mean(key, list(_WEIGHTS))}; there are {', '.join(_WEIGHTS)}"
            raise wrong("weights", f"there is no {key!r}{known}")
        if not _is_number(weight) or not 0 <= weight <= 1000:
            raise wrong(f"weights.{key}", "it must be a number from 0 to 1000")
        weights[name] = float(weight)
    return weights


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    seconds = math.nan
    if isinstance(value, str) and (found := _DURATION.fullmatch(value[:32])):
        seconds = float(found[1]) / (1000 if found[2] == "ms" else 1)
    elif _is_number(value):
        seconds = float(value)  # type: ignore[arg-type]
    if not 0.001 <= seconds <= LONGEST_TTFT_S:
        msg = 'write it as in "500ms" or "2s", or as seconds, '
        raise wrong("ttft_timeout", f"{msg}from 0.001 to {LONGEST_TTFT_S:g}")
    return seconds


def _began(echoed: object) -> str:
    told = _unpacked(echoed, "tonewise")
    model = told.get("model") if isinstance(told, dict) else told
    if model is not None and not isinstance(model, str):
        raise wrong("tonewise", "it must be what our answer told under that key, or a model's name")
    return model or ""


def _cues(value: object) -> VoiceCues | None:
    told = _object(_unpacked(value, "voice"), "voice")
    if not told:
        return None
    for name, cue in told.items():
        if name not in _CUES:
            known = f"{did_you_mean(name, list(_CUES))}; there are {', '.join(_CUES)}"
            raise wrong("voice", f"there is no cue {name!r}{known}")
        if name in _SHARES and cue is not None and not (_is_number(cue) and 0 <= cue <= 1):
            raise wrong(f"voice.{name}", "it must be a number from 0 to 1")
    for label, share in _object(told.get("emotion"), "voice.emotion").items():
        if not (_is_number(share) and 0 <= share <= 1):
            raise wrong(f"voice.emotion.{label}"[:80], "it must be a probability, from 0 to 1")
    try:
        # No cue is made up: `speech_s` stands for nothing where the client does not tell it.
        return msgspec.convert({"speech_s": 0.0, **told}, VoiceCues)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise wrong(f"voice{where.rstrip('`')}", what[:1].lower() + what[1:]) from error


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | bool | int | float)
