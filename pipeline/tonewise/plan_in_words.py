"""A plan as a page of text: which route, why, and what every score in it is made of."""

from collections.abc import Sequence

from tonewise.facts import Term
from tonewise.plan import Plan

BAR = 24
"""Characters of a full bar."""


def in_words(plan: Plan) -> list[str]:
    """A plan line by line, for letters of one width: route, reasons, models, and every term."""
    first, *others = [reason.text for reason in plan.reasons] or ["no reason given"]
    filled = round(plan.complexity * BAR)
    return [
        f"route       {plan.route}",
        f"because     {first}",
        *(f"            {text}" for text in others),
        f"models      {', then '.join(plan.models) or 'none'}",
        f"complexity  {plan.complexity:.2f}  {'█' * filled}{'░' * (BAR - filled)}",
        *_rows(plan.complexity_terms),
        *_frustration(plan),
        *_scores(plan),
        *(
            f"{'skipped' if not at else '':<12}{each.rule}: {each.why}"
            for at, each in enumerate(plan.skipped)
        ),
    ]


def _frustration(plan: Plan) -> list[str]:
    """The score and its terms; nothing where there is nothing but the beginning of every score."""
    if plan.frustration is None or not any(t.contribution > 0 for t in plan.frustration_terms):
        return []
    filled = round(plan.frustration * BAR)
    return [
        f"frustration {plan.frustration:.2f}  {'█' * filled}{'░' * (BAR - filled)}",
        *_rows(plan.frustration_terms),
    ]


def _rows(terms: Sequence[Term]) -> list[str]:
    """A table: name, value, contribution, and that as a bar."""
    wide = max((len(term.name) + 1 for term in terms), default=0)
    rows = []
    for term in terms:
        bar = "▇" * round(4 * abs(term.contribution))
        value = "" if term.name == "bias" else f"{term.value:.3g}"
        row = f"{term.name:<{max(wide, 12)}}{value:>5} {term.contribution:+z7.2f}  {bar}"
        rows.append(f"            {row}".rstrip())
    return rows


def _scores(plan: Plan) -> list[str]:
    """A table of what each model is worth, with every contribution."""
    if not plan.scores:
        return []
    names = list(dict.fromkeys(term.name for each in plan.scores for term in each.contributions))
    wide = max(len(f"{each.model} ({each.route})") for each in plan.scores)
    rows = [f"worth       {'':<{wide}} {'sum':>7} " + " ".join(f"{name:>8}" for name in names)]
    for each in plan.scores:
        row = f"            {f'{each.model} ({each.route})':<{wide}} "
        if each.utility is None:
            rows.append(f"{row}{'–':>7}  excluded: it {each.excluded_by}")
            continue
        known = {term.name: f"{term.contribution:+z.3f}" for term in each.contributions}
        cells = " ".join(f"{known.get(name, '·'):>8}" for name in names)
        rows.append(f"{row}{each.utility:>7.3f} {cells}")
    return rows
