"""`tonewise explain`: which route a turn would take, and why, without calling any LLM."""

import codecs
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import msgspec

from tonewise import plugins
from tonewise.cli import config_option, folded, width
from tonewise.errors import ConfigError
from tonewise.facts import Scalar, Transcript, VoiceCues
from tonewise.plan import Plan
from tonewise.plan_in_words import in_words

if TYPE_CHECKING:
    from tonewise.stages import Candidate, Policy

SHARES = ("hesitation", "frustration", "clipping")
"""Cues that lie in [0, 1]."""


class Asked(msgspec.Struct, frozen=True):
    """One input line. Other keys ("id", "label" …) are left alone."""

    text: str
    cues: dict[str, Any] | None = None
    metadata: dict[str, Scalar] | None = None


class Answer(msgspec.Struct, frozen=True):
    """A plan, what it was made from, and the microseconds that it took on the wall clock."""

    plan: Plan
    frustration: float | None
    micros: float

    def to_json(self) -> bytes:
        """One line of JSON, without a line break."""
        return msgspec.json.encode(
            {
                "route": self.plan.route,
                "complexity": round(self.plan.complexity, 6),
                "frustration": self.frustration,
                "reasons": self.plan.reasons,
                "models": self.plan.models,
                "micros": self.micros,
                **self._weighed(),
            }
        )

    def _weighed(self) -> dict[str, Any]:
        """What only a policy with rules and scores tells."""
        plan = self.plan
        told = {"rule": plan.rule, "scores": plan.scores, "skipped": plan.skipped}
        return {key: value for key, value in told.items() if value}


class Explainer:
    """The configured policy and models, ready to be asked."""

    def __init__(self, policy: "Policy", candidates: "tuple[Candidate, ...]") -> None:
        self._policy = policy
        self._candidates = candidates

    def answer(self, asked: Asked) -> Answer:
        """The route of a turn.

        Raises:
            ConfigError: a cue is unknown, of the wrong type or out of range.
        """
        from tonewise.stages import Turn

        cues = voice_cues(asked.cues) if asked.cues is not None else None
        turn = Turn(1, Transcript(asked.text), cues, caller=asked.metadata or {})
        began = time.perf_counter_ns()
        plan = self._policy.decide(turn, self._candidates)
        micros = round((time.perf_counter_ns() - began) / 1000, 1)
        told = cues.frustration if cues else None
        frustration = told if plan.frustration is None else round(plan.frustration, 6)
        return Answer(plan, frustration, micros)


@click.command()
@click.argument("text", required=False)
@click.option(
    "--jsonl",
    "lines",
    type=click.File("rb"),
    metavar="FILE",
    help='Explain a file of lines {"text": …, "cues"?: {…}, "metadata"?: {…}}; - reads them from '
    "stdin. One line of JSON comes out for each, an error too; any error makes the exit code 1.",
)
@click.option(
    "--cues",
    metavar="JSON",
    help='How TEXT is said, as in \'{"hesitation": 0.8, "frustration": 0.7}\'.',
)
@click.option(
    "--metadata",
    metavar="JSON",
    help='What is known of the caller, as in \'{"tier": "premium", "user": "ada"}\'.',
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def command(
    text: str | None,
    lines: BinaryIO | None,
    cues: str | None,
    metadata: str | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Show the route of a turn of text, and why. No LLM is called.

    \b
    tonewise explain "where's my order"
    tonewise explain --cues '{"frustration": 0.8}' "where's my order"
    tonewise explain --jsonl turns.jsonl
    """
    if (text is None) == (lines is None):
        msg = "give either a text or --jsonl FILE"
        raise click.UsageError(msg)
    if lines is not None:
        if cues is not None or metadata is not None:
            msg = "with --jsonl, every line brings cues of its own, and metadata"
            raise click.UsageError(msg)
        if _explain_lines(_explainer(config_file), lines, getattr(lines, "name", "<stdin>")):
            raise click.exceptions.Exit(1)
        return
    known = _parsed("--metadata", metadata, '{"tier": "premium"}', dict[str, Scalar])
    asked = Asked(text or "", _parsed("--cues", cues, '{"hesitation": 0.8}', dict[str, Any]), known)
    answer = _explainer(config_file).answer(asked)
    if as_json:
        click.echo(answer.to_json())
    else:
        page = [*in_words(answer.plan), f"decided in  {answer.micros:.0f} µs"]
        click.echo("\n".join(folded(line, 12, width()) for line in page))


def voice_cues(given: dict[str, Any]) -> VoiceCues:
    """Cues by their names in `VoiceCues`; all that are not given are absent.

    Raises:
        ConfigError: names the cue and what is wrong with it.
    """
    known = list(VoiceCues.__struct_fields__)
    for name in given:
        if name not in known:
            hint = plugins.did_you_mean(name, known)
            msg = f"unknown cue {name!r}{hint}; cues are: {', '.join(known)}"
            raise ConfigError(msg)
    try:
        cues = msgspec.convert({"speech_s": 0.0, **given}, VoiceCues)
    except msgspec.ValidationError as error:
        msg = f"cue {_plainly(error)}"
        raise ConfigError(msg) from error
    shares = {name: getattr(cues, name) for name in SHARES} | (cues.emotion or {})
    for name, value in shares.items():
        if value is not None and not 0 <= value <= 1:
            msg = f"cue {name!r} must lie between 0 and 1, not {value}"
            raise ConfigError(msg)
    return cues


def _explainer(config_file: Path | None) -> Explainer:
    """Reads the settings. The imports are here so that `tonewise --help` need not wait."""
    import os

    from tonewise import config, engines

    settings = config.load(config_file, os.environ)
    policy = engines.load_policy(settings, settings.router)
    if settings.router.shadow.use:  # not asked here, but a mistake in it is found
        engines.load_policy(settings, settings.router.shadow)
    return Explainer(policy, engines.candidates(settings))


def _explain_lines(explainer: Explainer, lines: Iterable[bytes], file: str) -> int:
    """One line out for each line in; returns how many were wrong."""
    wrong = 0
    for number, line in enumerate(lines, start=1):
        try:
            out = explainer.answer(_asked(line.removeprefix(codecs.BOM_UTF8))).to_json()
        except ConfigError as error:
            wrong += 1
            problem = f"{file}:{number}: {error}"
            click.echo(f"tonewise: {problem}", err=True)
            out = msgspec.json.encode({"error": problem})
        click.echo(out)
    return wrong


def _asked(line: bytes) -> Asked:
    if not line.strip():
        msg = 'the line is empty; {"text": ""} asks for a turn without words'
        raise ConfigError(msg)
    try:
        keys = msgspec.json.decode(line)
    except RecursionError as error:
        msg = "not JSON that can be read: nested too deeply"
        raise ConfigError(msg) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = "; JSON has no NaN: leave a cue out that was not measured" * (b"NaN" in line)
        msg = f"not JSON: {str(error).partition(' - at ')[0]}{hint}"
        raise ConfigError(msg) from error
    for key in keys if isinstance(keys, dict) else ():
        known = key in Asked.__struct_fields__
        if not known and (hint := plugins.did_you_mean(key, ["cues", "metadata"])):
            msg = f"unknown key {key!r}{hint}"
            raise ConfigError(msg)
    try:
        return msgspec.convert(keys, Asked)
    except msgspec.ValidationError as error:
        raise ConfigError(_plainly(error)) from error


def _plainly(error: msgspec.ValidationError) -> str:
    """As in "text: expected `str`, got `int`"."""
    what, _, where = str(error).partition(" - at `$.")
    what = what[:1].lower() + what[1:]
    return f"{where.rstrip('`')}: {what}" if where else what


def _parsed(option: str, given: str | None, example: str, kind: Any) -> dict[str, Any] | None:  # noqa: ANN401
    if given is None:
        return None
    try:
        table: dict[str, Any] = msgspec.json.decode(given, type=kind)
    except msgspec.DecodeError as error:
        msg = f"{option} must be a JSON object, as in '{example}': {error}"
        raise click.UsageError(msg) from error
    return table
