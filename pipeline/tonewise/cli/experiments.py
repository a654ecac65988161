"""`tonewise experiments`: what the variants of routes did to callers, and how sure that is."""

import math
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from tonewise.cli import as_moment, config_option, folded, store_option, width
from tonewise.errors import ConfigError

if TYPE_CHECKING:
    from tonewise.config import Config
    from tonewise.learning.experiments import Experiment, Found
    from tonewise.store.reading import Reading


@click.command()
@click.option(
    "--since", callback=as_moment, default="30d", show_default=True, help="24h, 2026-11-21"
)
@click.option("--until", callback=as_moment, help="Likewise; else now.")
@click.option("--route", help="Of this one only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, as /v1/experiments tells.")
@config_option
@store_option
def command(
    since: float,
    until: float | None,
    route: str | None,
    *,
    as_json: bool,
    config_file: Path | None,
    url: str | None,
) -> None:
    """Compare the variants of each route: cost, first token, and what callers did next.

    \b
    tonewise experiments --since 7d
    tonewise experiments --route frontier --json
    """
    from tonewise import config
    from tonewise.learning.experiments import CAUTIONS, HOW, compare

    settings = config.load(config_file, os.environ)
    ends = time.time() if until is None else until
    if since >= ends:
        msg = "--since must lie before --until"
        raise click.UsageError(msg)
    reading = _reading(settings, url)
    if reading is None:
        found = []
    else:
        try:
            turns = reading.variant_turns(since, ends, route=route)
            found = compare(turns, settings.routes, route)
        finally:
            reading.close()
    if as_json:
        told = {"since": since, "until": ends, "cautions": CAUTIONS, "how": None if found else HOW}
        click.echo(msgspec.json.encode({**told, "experiments": found}))
        return
    if not found:
        where = f" on route {route!r}" if route else ""
        click.echo(f"There is no experiment{where}. {HOW}", nl=False)
        return
    period = f"{_day(since)} to {_day(ends)}"
    pages = ["\n".join(_page(experiment, period)) for experiment in found]
    cautions = "\n".join(folded(f"- {text}", 2, width()) for text in CAUTIONS)
    click.echo("\n\n".join([*pages, cautions]))


def _reading(settings: "Config", url: str | None) -> "Reading | None":
    """The store; None where there is none and nothing is being tried, so that it is not missed.

    Raises:
        ConfigError: an experiment runs, and the store is in the memory of its server.
    """
    from tonewise.operating import Store
    from tonewise.store.database import Address
    from tonewise.store.reading import open_reading

    store = Store(url=url, url_env="") if url else settings.store
    if not Address(store, os.environ).in_memory:
        return open_reading(store, os.environ)
    if any(len(route.variants) > 1 for route in settings.routes):
        msg = (
            'the store is in the memory of its server: write url = "sqlite:///tonewise.db" under '
            "[store] to keep what is tried, or ask a running server at /v1/experiments"
        )
        raise ConfigError(msg)
    return None


# ---------------------------------------------------------------- for people


def _page(experiment: "Experiment", period: str) -> list[str]:
    state = "" if experiment.running else ", not in the settings any more"
    first = experiment.variants[0].variant
    head = ("", "variant", "measured (95 %)", f"against {first} (95 %, at all looks)")
    return [
        f"{experiment.route}: {experiment.turns} turns of {experiment.callers} callers, "
        f"{period}{state}",
        f"{'! ' if experiment.split.warns else ''}{experiment.split.text}",
        "",
        *table([head, *_rows(experiment.variants)]),
    ]


def _rows(variants: "tuple[Found, ...]") -> list[tuple[str, str, str, str]]:
    from tonewise.learning.measures import MEASURES

    rows = []
    for at, each in enumerate(variants):
        weight = "no weight" if each.weight is None else f"{each.weight} %"
        told = f"{each.turns} turns of {each.callers} callers"
        rows.append(("turns" * (not at), f"{each.variant} ({weight})", told, ""))
    for measure in MEASURES:
        for at, each in enumerate(variants):
            apart = "" if each.against_first is None else each.against_first[measure.name].text
            title = measure.title * (not at)
            rows.append((title, each.variant, each.measures[measure.name].text, apart))
    return rows


def table(rows: list[tuple[str, str, str, str]]) -> list[str]:
    """Four columns; where a terminal has no room for the last one, it stands below the third."""
    wide = [max(len(row[column]) for row in rows) for column in range(4)]
    room = sum(wide) + 2 * 3 <= (width() or math.inf)
    lines = []
    for row in rows:
        begin = "  ".join(f"{cell:<{size}}" for cell, size in zip(row[:3], wide, strict=False))
        if room or not row[3]:
            lines.append(f"{begin}  {row[3]}".rstrip())
        else:
            lines += [begin.rstrip(), f"{'':<{wide[0] + wide[1] + 4}}{row[3]}"]
    return lines


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
