"""`tonewise learning`: what was measured and learnt of the models; to forget it again."""

import os
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec

from tonewise.cli import config_option, store_option
from tonewise.errors import ConfigError, StoreError
from tonewise.plugins import did_you_mean

if TYPE_CHECKING:
    from tonewise.config import Config
    from tonewise.learning.learner import Learner
    from tonewise.learning.profile import Profile
    from tonewise.learning.table import Told
    from tonewise.operating import Store
    from tonewise.store.keeper import RecordStore

Figures = dict[str, dict[str, float]]


class Asked(NamedTuple):
    """Where to look."""

    config_file: Path | None
    url: str | None


class Known(NamedTuple):
    """What the store has; None where it has nothing. `frozen`: by an operator's word."""

    profile: "Profile | None"
    learner: "Learner | None"
    frozen: bool


@click.group(invoke_without_command=True)
@config_option
@store_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def command(
    context: click.Context, *, as_json: bool, config_file: Path | None, url: str | None
) -> None:
    """Show what was measured of the models lately, and what is believed of them.

    Learning is frozen by the settings, with `frozen = true` under [learning], or by POST
    /v1/learning {"frozen": true} to a running server, which remembers it. Frozen, beliefs are used,
    and nothing is explored or learnt.

    Where servers share a store, each knows its own: this is what the server of the settings knows,
    or, where it has kept nothing, the newest. TONEWISE_STORE__SERVER=host:port names another.

    \b
    tonewise learning --json
    tonewise learning reset --model deep
    """
    context.obj = Asked(config_file, url)
    if context.invoked_subcommand is None:
        settings = _settings(context.obj)
        known, now = _read(settings, context.obj), time.time()
        if as_json:
            click.echo(msgspec.json.encode(_whole(settings, known, now)))
        else:
            click.echo("\n".join(_page(settings, known, now)))


@command.command()
@config_option
@store_option
@click.option("--model", help="Of this one only.")
@click.pass_obj
def reset(asked: Asked, *, model: str | None, config_file: Path | None, url: str | None) -> None:
    """Forget what was learnt, of one model or of all, by every server.

    What was measured fades by itself. A server that runs keeps what it knows, and writes it again:
    ask it for DELETE /v1/learning, or stop it first.
    """
    from tonewise.store.keeper import open_store
    from tonewise.store.reading import open_reading

    place = Asked(config_file or asked.config_file, url or asked.url)
    settings = _settings(place)
    where = _store(settings, place)
    open_reading(where, os.environ).close()  # where there is no store, none is made
    store = open_store(where, os.environ, settings.server.port)
    try:
        _reset(store, settings, model)
    finally:
        store.close()
    click.echo(f"forgotten: what was learnt of {model or 'all models'}")


def _reset(store: "RecordStore", settings: "Config", model: str | None) -> None:
    learners = {
        name: _learner(kept, settings) for name, kept in store.reading.all_kept("learner").items()
    }
    if not learners:
        raise StoreError("nothing was learnt yet: there is nothing to forget")
    now = time.time()
    known = sorted({row.model for each in learners.values() for row in each.told(now)})
    if model is not None and model not in known:
        hint = did_you_mean(model, known)
        msg = f"nothing was learnt of a model {model!r}{hint}; of these something was: "
        raise ConfigError(msg + (", ".join(known) or "none"))
    for name, learner in learners.items():
        learner.reset(model)
        store.keep(name, learner.snapshot())
    store.flush()


def _learner(kept: bytes, settings: "Config") -> "Learner":
    """What a server believes; shown the same whether learning is on now or not.

    Raises:
        StoreError: it cannot be read.
    """
    from tonewise.learning.learner import Learner

    learning = msgspec.structs.replace(settings.learning, enabled=True, frozen=False)
    try:
        return Learner.from_snapshot(kept, learning, {each.name: each for each in settings.models})
    except ValueError as error:
        raise StoreError(f"{error}; a server that starts will begin anew") from error


def _settings(asked: Asked) -> "Config":
    """The settings. The imports are here so that `tonewise --help` need not wait."""
    from tonewise import config

    return config.load(asked.config_file, os.environ)


def _store(settings: "Config", asked: Asked) -> "Store":
    """Which store; one in memory is nobody's but its server's.

    Raises:
        ConfigError: it is in memory.
    """
    from tonewise.operating import Store
    from tonewise.store.database import Address

    store = settings.store
    if asked.url:
        store = Store(url=asked.url, url_env="", server=store.server)
    if Address(store, os.environ).in_memory:
        msg = (
            'the store is in the memory of its server: write url = "sqlite:///tonewise.db" under '
            "[store] to keep what is learnt, or ask a running server at /v1/learning"
        )
        raise ConfigError(msg)
    return store


def _read(settings: "Config", asked: Asked) -> Known:
    """What the store has.

    Raises:
        StoreError: what it has cannot be read.
    """
    from tonewise.learning.profile import Profile
    from tonewise.store.reading import open_reading
    from tonewise.store.snapshots import server_name

    place = _store(settings, asked)
    server = server_name(place, settings.server.port)
    reading = open_reading(place, os.environ)
    try:
        profile, learner = (reading.kept_own(name, server) for name in ("profile", "learner"))
        frozen = reading.kept("learner_frozen") == b"true"
    finally:
        reading.close()
    try:
        figures = Profile.from_snapshot(profile, settings.profile.half_life) if profile else None
    except ValueError as error:
        raise StoreError(f"{error}; a server that starts will begin anew") from error
    return Known(figures, _learner(learner, settings) if learner else None, frozen)


def _whole(settings: "Config", known: Known, now: float) -> dict[str, Any]:
    """As `GET /v1/learning` tells it, with the profile beside it."""
    learning, profile, learner = settings.learning, known.profile, known.learner
    return {
        "enabled": learning.enabled,
        "frozen": learning.frozen or known.frozen,
        "explore": learning.explore,
        "half_life_days": learning.half_life,
        "beliefs": learner.told(now) if learner else [],
        "profile": profile.told(now) if profile else {},
        "profile_by_task": profile.by_task(now) if profile else {},
    }


# ---------------------------------------------------------------- for people


def _page(settings: "Config", known: Known, now: float) -> list[str]:
    learning, profile, learner = settings.learning, known.profile, known.learner
    state = "on" if learning.enabled else "off: beliefs are not used"
    if learning.enabled and (learning.frozen or known.frozen):
        state = "frozen: beliefs are used, nothing is learnt or explored"
    elif learning.enabled:
        state += f", {learning.explore:.1%} of calm turns are explored"
    figures = profile.told(now) if profile else {}
    rows = learner.told(now) if learner else []
    half_life = settings.profile.half_life
    lately = f"measured lately (counts half after {half_life:g} s)"
    return [
        lately,
        *(_measured(figures) if figures else ["  too little to tell"]),
        "",
        f"learning is {state}",
        *(_believed(rows, now) if rows else ["  nothing was learnt yet"]),
    ]


def _measured(figures: Figures) -> list[str]:
    heads = ("model", "p50", "p95", "errors", "USD a turn", "tokens/s", "tries")
    forms = (
        ("p50", "{:.2f} s"),
        ("p95", "{:.2f} s"),
        ("error_rate", "{:.1%}"),
        ("cost", "{:.5f}"),
        ("throughput", "{:.0f}"),
        ("tries", "{:.0f}"),
    )
    return _table(
        heads,
        (
            (model, *(form.format(told[key]) if key in told else "·" for key, form in forms))
            for model, told in sorted(figures.items())
        ),
    )


def _believed(rows: "Sequence[Told]", now: float) -> list[str]:
    heads = ("model", "task", "better by", "95 %", "turns", "last reward", "at (UTC)")
    return _table(
        heads,
        (
            (
                row.model if row.task is None else "",
                row.task or "all",
                f"{row.lift:+z.3f}",
                f"{row.low:+z.2f} … {row.high:+z.2f}",
                f"{row.evidence:.0f}",
                "·" if row.reward is None else f"{row.reward:.2f}",
                _moment(row.at, now),
            )
            for row in rows
        ),
    )


def _moment(at: float | None, now: float) -> str:
    if at is None or not 0 < at < now + 86_400:
        return "·"
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    cells = [heads, *rows]
    wide = [max(len(row[at]) for row in cells) for at in range(len(heads))]
    return [
        "  " + "  ".join(f"{cell:<{size}}" for cell, size in zip(row, wide, strict=True)).rstrip()
        for row in cells
    ]
