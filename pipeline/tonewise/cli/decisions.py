"""`tonewise decisions`: what was decided, why, and how it went; from the store."""

import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
import msgspec

from tonewise.cli import as_moment, config_option, folded, store_option, width
from tonewise.errors import ConfigError, StoreError
from tonewise.records import ReplyEnding, Source

REASON = 30
"""Columns that a reason needs to say anything beside the table."""

if TYPE_CHECKING:
    from tonewise.store.found import Page, Row, Whole
    from tonewise.store.reading import Reading


_ASKED = (
    click.option("--since", callback=as_moment, help="Not older than: 24h, 7d, 2026-11-21, …"),
    click.option("--until", callback=as_moment, help="Older than that."),
    click.option("--route", help="That it went to."),
    click.option("--model", help="That answered."),
    click.option("--client", help="The client key that asked."),
    click.option("--user", help="The pseudonym of who was answered."),
    click.option("--call", help="Of one call."),
    click.option("--rule", help="That chose the route."),
    click.option("--router", help="As in tonewise/NAME."),
    click.option("--variant", help="Of an experiment."),
    click.option("--task", help="That the turn asked for."),
    click.option("--source", type=click.Choice(get_args(Source)), help="Where the turn came from."),
    click.option("--outcome", type=click.Choice(get_args(ReplyEnding)), help="Of the reply."),
    click.option("--min-frustration", type=click.FloatRange(0, 1), help="At least."),
    click.option("--max-frustration", type=click.FloatRange(0, 1), help="At most."),
    click.option("--min-complexity", type=click.FloatRange(0, 1), help="At least."),
    click.option("--escalated/--not-escalated", default=None, help="By the caller's frustration."),
    click.option("--explored/--not-explored", default=None, help="To learn of a model."),
    click.option("--calm/--not-calm", default=None, help="Nothing spoke of frustration."),
    click.option(
        "--feedback", type=click.Choice(["good", "bad", "any", "none"]), help="That was given."
    ),
    click.option(
        "--search", help="A piece of an identifier, a reason, or of what is kept of words."
    ),
    click.option("--limit", "-n", type=click.IntRange(1, 1000), default=20, show_default=True),
    click.option("--cursor", help="Goes on where a page ended."),
)


def _asked(command: Any) -> Any:  # noqa: ANN401 - a function, as click sees it
    for option in reversed(_ASKED):
        command = option(command)
    return command


@click.command()
@click.argument("decision", required=False)
@_asked
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@config_option
@store_option
def command(
    decision: str | None,
    *,
    as_json: bool,
    config_file: Path | None,
    url: str | None,
    **asked: Any,  # noqa: ANN401 - the fields of a query
) -> None:
    """List decisions, the newest first, or explain one: DECISION, as a list tells it.

    \b
    tonewise decisions --since 24h --min-frustration 0.6
    tonewise decisions --route frontier --feedback bad --json
    tonewise decisions dec_5f0c2ab1d9e84c7fa1b20c3d
    """
    from tonewise.store.found import Query

    reading = _reading(config_file, url)
    try:
        if decision is None:
            page = _page(reading, Query(**asked))
            told = {"decisions": page.rows, "next_cursor": page.next_cursor}
            empty = "no decision matches" if reading.count() else "the store holds no decision yet"
            lines = _listed(page) if page.rows else [empty]
        else:
            whole = reading.decision(decision)
            if whole is None:
                msg = f"the store holds no decision {decision!r}; `tonewise decisions` lists them"
                raise StoreError(msg)
            told, lines = msgspec.to_builtins(whole), _explained(whole)
    finally:
        reading.close()
    if as_json:
        click.echo(msgspec.json.encode(told))
    else:
        click.echo("\n".join(folded(_printable(line), 12, width()) for line in lines))


def _reading(config_file: Path | None, url: str | None) -> "Reading":
    """The store. The imports are here so that `tonewise --help` need not wait."""
    from tonewise import config
    from tonewise.operating import Store
    from tonewise.store.database import Address
    from tonewise.store.reading import open_reading

    settings = Store(url=url, url_env="") if url else config.load(config_file, os.environ).store
    if Address(settings, os.environ).in_memory:
        msg = (
            'the store is in the memory of its server: write url = "sqlite:///tonewise.db" under '
            "[store] to keep decisions, or ask a running server at /v1/decisions"
        )
        raise ConfigError(msg)
    return open_reading(settings, os.environ)


def _page(reading: "Reading", query: Any) -> "Page":  # noqa: ANN401 - imported later
    try:
        return reading.decisions(query)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


# ---------------------------------------------------------------- for people


def _listed(page: "Page") -> list[str]:
    """A table; where a terminal is too narrow for it, every decision is a few lines."""
    heads = (
        "at (UTC)",
        "decision",
        "route",
        "answered by",
        "cplx",
        "frus",
        "1st",
        "usd",
        "because",
    )
    rows = [heads, *(_cells(row) for row in page.rows)]
    wide = [max(len(row[at]) for row in rows) for at in range(len(heads) - 1)]
    if sum(wide) + 2 * len(wide) + REASON > (width() or math.inf):
        lines = [line for row in rows[1:] for line in _narrow(heads, row)]
    else:
        lines = [
            "  ".join(
                f"{cell:<{size}}" for cell, size in zip(row, [*wide, 0], strict=True)
            ).rstrip()
            for row in rows
        ]
    if page.next_cursor:
        lines.append(f"older ones: --cursor '{page.next_cursor}'")
    return lines


def _narrow(heads: tuple[str, ...], row: tuple[str, ...]) -> list[str]:
    """A decision without columns: when, which, where to, and why."""
    at, decision, route, answered, *measured, because = row
    told = ", ".join(f"{name} {cell}" for name, cell in zip(heads[4:-1], measured, strict=True))
    below = [
        folded(f"    {text}", 6, width()) for text in (f"{route}, {answered}; {told}", because)
    ]
    return [
        f"{at}  {decision}",
        *(row for text in below for row in text.split("\n") if row.strip()),
    ]


def _cells(row: "Row") -> tuple[str, ...]:
    answered = row.model or ("nobody" if row.outcome else "…")
    if row.outcome not in (None, "answered"):
        answered += f" ({row.outcome})"
    marks = [text for yes, text in ((row.escalated, "↑"), (row.explored, "?")) if yes]
    return (
        _time(row.at),
        row.decision,
        " ".join([row.route, *marks]),
        answered,
        f"{row.complexity:.2f}",
        "–" if row.frustration is None else f"{row.frustration:.2f}",
        "–" if row.first_token_ms is None else f"{row.first_token_ms / 1000:.2f} s",
        "–" if row.cost_usd is None else f"{row.cost_usd:.5f}",
        row.reason or "",
    )


def _explained(whole: "Whole") -> list[str]:
    from tonewise.decision_in_words import page

    row = whole.decision
    where = f"turn {row.turn} of call {row.call}" if row.call else f"over the {row.source}"
    asked = [_time(row.at), where, f"router {row.router}"]
    asked += [
        f"{name} {told}" for name, told in (("client", row.client), ("user", row.user)) if told
    ]
    if whole.began and whole.began.wire:
        asked.append(f"wire {whole.began.wire}")
    lines = [f"decision    {row.decision}", f"asked       {', '.join(asked)}"]
    if row.said is not None:
        lines.append(f"said        {row.said}")
    if whole.reply and whole.reply.replied is not None:
        lines.append(f"replied     {whole.reply.replied}")
    return [*lines, *page(whole)]


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _printable(line: str) -> str:
    """What callers and providers said must not steer the terminal."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line
    )
