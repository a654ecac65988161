"""A decision that was kept, in words: where a turn went, why, who answered, what came of it."""

from collections.abc import Sequence

from tonewise.llm.target import Attempt
from tonewise.plan_in_words import in_words as plan_in_words
from tonewise.records import Followed, Judged, Replied, Tried
from tonewise.store.found import Whole

CHANGED = 0.05
"""Frustration that moved by less has stayed as it was: an ordinary turn has 0.05 at all."""


def page(whole: Whole) -> list[str]:
    """Line by line, for letters of one width: the plan, the tries, and what followed."""
    lines = plan_in_words(whole.plan)
    if whole.decision.variant:
        lines.append(f"variant     {whole.decision.variant}")
    tries = [_try(each) for each in whole.attempts]
    rest = [
        *_reply(whole.reply, whole.attempts),
        *_after(whole.followed),
        *map(_opinion, whole.feedback),
    ]
    for name, told in (("tried", tries), ("then", rest)):
        lines += [f"{'' if at else name:<12}{text}" for at, text in enumerate(told)]
    return lines


def sentences(whole: Whole) -> list[str]:
    """The same as somebody would tell it."""
    plan = whole.plan
    because = f" because {plan.reasons[0].text}" if plan.reasons else ""
    told = [f"The turn went to {plan.route}{because}."]
    if plan.explored:
        told.append(f"{plan.models[0]} was tried first, to learn of it.")
    if whole.decision.variant:
        told.append(f"The caller's variant of {plan.route} is {whole.decision.variant}.")
    tries = [each for each in whole.attempts if not each.early]
    early = len(whole.attempts) - len(tries)
    if early:
        times = "once" if early == 1 else f"{early} times"
        told.append(f"A model was asked early {times}, for nothing: the caller spoke on.")
    if tries:
        told.append(f"{'; then '.join(_try(each) for each in tries)}.")
    told += [f"{text[:1].upper()}{text[1:]}." for text in _reply(whole.reply, tries)]
    told += [f"{text[:1].upper()}{text[1:]}." for text in _after(whole.followed)]
    return told + [f"{text[:1].upper()}{text[1:]}." for text in map(_opinion, whole.feedback)]


def _try(tried: Tried) -> str:
    facts = []
    if tried.first_token_ms is not None:
        facts.append(f"first token after {_seconds(tried.first_token_ms)}")
    if tried.cost_usd is not None:
        facts.append(f"${tried.cost_usd:.4g}")
    if tried.detail:
        facts.append(tried.detail)
    if tried.early:
        facts.append("asked early and thrown away")
    beside = f" ({', '.join(facts)})" if facts else ""
    return f"{Attempt(tried.attempt, tried.model, tried.outcome)}{beside}"


def _reply(reply: Replied | None, tries: Sequence[Tried]) -> list[str]:
    """How the reply ended; nothing where the last try has told all of it."""
    if reply is None:
        return ["no reply is over yet"]
    told = tries and (tries[-1].model, tries[-1].outcome) == (reply.model, "answered")
    if told and reply.outcome == "answered" and reply.first_sound_ms is None:
        return []
    if reply.outcome == "failed":
        return ["nobody answered"]
    when = "" if reply.first_sound_ms is None else f", heard after {_seconds(reply.first_sound_ms)}"
    how = {
        "answered": "answered it",
        "interrupted": "was answering it when the caller took the floor or left",
        "cut_short": "answered the beginning of it, and broke off",
    }[reply.outcome]
    return [f"{reply.model or 'a model'} {how}{when}"]


def _after(followed: Followed | None) -> list[str]:
    if followed is None:
        return []
    happened: Sequence[tuple[bool, str]] = (
        (followed.interrupted, "talked over the reply"),
        (followed.repeated, "said much the same again"),
        (followed.thanked, "said thanks"),
        (followed.hung_up, "hung up on it"),
    )
    did = [text for yes, text in happened if yes]
    told = [f"the caller {' and '.join(did)}"] if did else []
    before, after = followed.before, followed.frustration
    if before is not None and after is not None:
        way = "rose" if after > before else "fell"
        same = abs(after - before) < CHANGED
        how = "stayed about" if same else f"{way} from {before:.2f} to"
        told.append(f"the caller's frustration {how} {after:.2f}")
    return told


def _opinion(judged: Judged) -> str:
    label = f" and called it {judged.label!r}" if judged.label else ""
    return f"{judged.by or 'somebody'} gave it {judged.score:.2g} of 1{label}"


def _seconds(ms: float) -> str:
    return f"{ms / 1000:.2f} s"
