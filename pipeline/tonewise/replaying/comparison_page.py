"""A comparison as one HTML file that opens from the disk."""

from collections.abc import Iterator
from html import escape

from tonewise.replaying.comparison import Change, Comparison, Difference
from tonewise.replaying.turn_log import TurnTaken

_STYLE = """
:root { color-scheme: light dark; --soft: #8883; --moved: #d9822b; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .25rem .8rem; border-bottom: 1px solid var(--soft); text-align: right; }
th:first-child, td:first-child { text-align: left; }
td.moved { color: var(--moved); font-weight: 600; }
article { border: 1px solid var(--soft); border-radius: .5rem; }
article { padding: .6rem 1rem; margin: .6rem 0; }
article p { margin: .2rem 0; } .quiet { opacity: .7; } q { font-style: italic; }
"""


def page(comparison: Comparison, before: str, after: str) -> str:
    """The whole page."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(before)} against {escape(after)}</title>",
            f"<style>{_STYLE}</style>",
            f"<h1>{escape(before)} against {escape(after)}</h1>",
            *_totals(comparison),
            "<h2>Turns that change</h2>",
            *(_article(change) for change in comparison.changes),
            "<h2>Call by call</h2>",
            *_calls(comparison),
            "</html>",
        ]
    )


def _totals(comparison: Comparison) -> Iterator[str]:
    routes = comparison.confusion
    names = sorted({name for pair in routes for name in pair})
    moved = sum(count for (a, b), count in routes.items() if a != b)
    yield f"<p>{len(comparison.calls)} calls, {sum(routes.values())} turns; {moved} take another "
    yield "route.</p><table><caption>Routes before (lines) and after (columns)</caption>"
    yield "<tr><th></th>" + "".join(f"<th>{escape(name)}</th>" for name in names) + "</tr>"
    for a in names:
        cells = (
            f'<td class="{"moved" if a != b and routes[(a, b)] else ""}">{routes[(a, b)]}</td>'
            for b in names
        )
        yield f"<tr><th>{escape(a)}</th>{''.join(cells)}</tr>"
    yield "</table><table><tr><th>per turn</th><th>before</th><th>after</th>"
    yield "<th>difference</th><th>95 %</th><th>turns</th></tr>"
    yield from (_measure(difference) for difference in comparison.differences)
    yield "</table>"


def _measure(found: Difference) -> str:
    cells = (
        f"{found.before:.3g}",
        f"{found.after:.3g}",
        f"{found.after - found.before:+.3g}",
        f"{found.low:+.3g} to {found.high:+.3g}",
        str(found.turns),
    )
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    return f"<tr><td>{escape(found.measure)}</td>{row}</tr>"


def _article(change: Change) -> str:
    turn = change.turn
    head = f"{escape(change.call)}, {turn.start_s:.2f} to {turn.end_s:.2f} s"
    whats = "".join(f"<p>{escape(what)}</p>" for what in change.what)
    sides = "".join(
        f'<p class="quiet">{label}: {escape("; ".join(side.reasons) or "not routed")}</p>'
        for label, side in (("before", change.before), ("after", change.after))
        if side
    )
    said = f"<p>{head}: <q>{escape(turn.said)}</q></p>"
    return f"<article>{said}{whats}{sides}</article>"


def _calls(comparison: Comparison) -> Iterator[str]:
    yield "<table><tr><th>call</th><th>turns</th><th>another route</th><th>cost before, USD</th>"
    yield "<th>after</th></tr>"
    for name, pairs in comparison.calls:
        routes = comparison.of_call(name).confusion
        moved = sum(count for (a, b), count in routes.items() if a != b)
        before, after = (_cost([pair[side] for pair in pairs]) for side in (0, 1))
        yield f"<tr><td>{escape(name)}</td><td>{len(pairs)}</td><td>{moved}</td>"
        yield f"<td>{before}</td><td>{after}</td></tr>"
    yield "</table>"


def _cost(turns: list[TurnTaken | None]) -> str:
    costs = [turn.cost_usd for turn in turns if turn and turn.cost_usd is not None]
    return f"{sum(costs):.6f}" if costs else "unknown"
