"""What a record must not tell when it is kept: the caller's words, unless asked for, and secrets.

Words are left out before anything is written, the journal included. They are not only where they
are expected: the trained score names the words that it read (“provider”), a rule that cannot be
computed may quote what it was computed on, and a provider's error may give back what it was sent
(there it is left out in any case: an error is no place for a transcript).
"""

import re
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from tonewise.facts import Departure, Pauses, Term, VoiceCues
from tonewise.plan import Circumstances, Exchange, Plan, Reason, Skipped
from tonewise.records import AnyRecord, Decided, Judged, Replied, Tried

OMITTED = "…"
HIDDEN = "***"

_SAID = re.compile("“[^”]*”")
"""What somebody said stands in these; names of ours never do."""
_SENTENCE = re.compile(r""""[^"]*\s[^"]*"|(?<!\w)'[^']*\s[^']*'(?!\w)|`[^`]*\s[^`]*`""")
"""Names of models and fields have no spaces in them."""
_OWN_WORDS = re.compile(r"no model of route |it gives |[\w.]+ is absent$|it cannot be computed$")
"""Why a rule was skipped, without anything that was said; see `routing/rules.py`."""
_KEY_ABSENT = re.compile(r"'(.*)' is absent$", re.DOTALL)
_FIELDS = frozenset(
    name
    for fact in (VoiceCues, Pauses, Departure, Circumstances, Exchange, Plan)
    for name in fact.__struct_fields__
)
"""A rule may look up what was said: `caller[turn.text]`. Only names of ours are surely none."""
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL", re.IGNORECASE)
_SHORTEST = 8
"""Characters of a secret that can be looked for: a shorter one is in half of all sentences."""
_KEY = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|key|AIza|ghp|glpat|hf)[-_][\w\-]{12,}|\bAIza[\w\-]{20,}"
    r"|\b(?:Bearer|Basic)\s+[\w.~+/=\-]{8,}"
    r"|://[^/\s:@]*:[^/\s@]+@",
    re.IGNORECASE,
)
"""The forms of providers' keys, authorisation headers and passwords in addresses."""


class Discretion:
    """Leaves out of records what must not be kept.

    Args:
        words: may what was said be kept?
        environ: whose secrets, told by the names of their variables, are hidden where they turn up.
        secrets: more of them.
    """

    def __init__(
        self, *, words: bool, environ: Mapping[str, str], secrets: Iterable[str] = ()
    ) -> None:
        self._words = words
        found = {
            value
            for name, value in environ.items()
            if _SECRET_NAME.search(name) and len(value) >= _SHORTEST
        } | set(secrets)
        longest_first = sorted(found, key=len, reverse=True)
        self._secrets = (
            re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        )

    def kept(self, record: AnyRecord) -> AnyRecord:
        """The record as it may be kept."""
        match record:
            case Decided() if not self._words:
                return without_words(record)
            case Replied(replied=str()) | Judged(text=str()) if not self._words:
                return without_words(record)
            case Tried(detail=str(detail)):
                shown = _SENTENCE.sub(OMITTED, _SAID.sub(OMITTED, self.hidden(detail)))
                return replace(record, detail=shown) if shown != detail else record
            case _:
                return record

    def hidden(self, text: str) -> str:
        """A text without secrets."""
        if self._secrets:
            text = self._secrets.sub(HIDDEN, text)
        return _KEY.sub(HIDDEN, text)


def without_words(record: Decided | Replied | Judged) -> Decided | Replied | Judged:
    """The same, without anything that was said."""
    match record:
        case Decided():
            plan = plan_without_words(record.plan, record.said)
            if record.said is None and plan is record.plan:
                return record
            return replace(record, said=None, plan=plan)
        case Replied():
            return replace(record, replied=None)
        case Judged():
            return replace(record, text=None)


def plan_without_words(plan: Plan, said: str | None = None) -> Plan:
    """A plan that quotes nobody; the very same where it did not.

    Args:
        plan: the plan.
        said: what was said, where it is known: a policy of the user's own may quote all of it.
    """
    if not plan.skipped and not _quotes(plan, said):
        return plan
    reasons = tuple(_reason(reason, said) for reason in plan.reasons)
    terms = tuple(map(_term, plan.complexity_terms))
    upset = tuple(map(_term, plan.frustration_terms))
    skipped = tuple(_skipped(each, said) for each in plan.skipped)
    told = (reasons, terms, upset, skipped)
    if told == (plan.reasons, plan.complexity_terms, plan.frustration_terms, plan.skipped):
        return plan
    return replace(
        plan, reasons=reasons, complexity_terms=terms, frustration_terms=upset, skipped=skipped
    )


def _quotes(plan: Plan, said: str | None) -> bool:
    texts = [reason.text for reason in plan.reasons]
    texts += [term.name for term in plan.complexity_terms]
    texts += [term.name for term in plan.frustration_terms]
    whole = "\n".join(texts)
    return "“" in whole or bool(said and said in whole)


def _without(text: str, said: str | None) -> str:
    if "“" in text:
        text = _SAID.sub(f"“{OMITTED}”", text)
    return text.replace(said, OMITTED) if said and len(said) >= _SHORTEST else text


def _reason(reason: Reason, said: str | None) -> Reason:
    text = _without(reason.text, said)
    return reason if text == reason.text else replace(reason, text=text)


def _term(term: Term) -> Term:
    return replace(term, name=f"“{OMITTED}”") if "“" in term.name else term


def _skipped(each: Skipped, said: str | None) -> Skipped:
    why = each.why
    if absent := _KEY_ABSENT.match(why):
        why = why if absent[1] in _FIELDS else f"'{OMITTED}' is absent"
    elif not _OWN_WORDS.match(why):
        why = "it cannot be computed"
    why = _without(why, said)
    return each if why == each.why else replace(each, why=why)
