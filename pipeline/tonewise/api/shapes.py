"""What the operator's desk answers: the store's and the learner's findings, as JSON tells them.

Every key is always there; what is not known is null, so that a table needs no guards.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from tonewise.decision_in_words import page, sentences
from tonewise.engines import Engines
from tonewise.experience import Experience
from tonewise.learning.experiments import CAUTIONS, HOW, Experiment
from tonewise.store.found import Bucket, Page, Whole

Told = dict[str, Any]
Step = Literal["minute", "hour", "day"]
STEPS: dict[Step, float] = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}
MOST_BUCKETS = 1500


def usual_step(seconds: float) -> Step:
    """How finely a stretch of time is told: in 7 to 180 pieces, or by the day."""
    if seconds <= 3 * STEPS["hour"]:
        return "minute"
    return "hour" if seconds <= 7 * STEPS["day"] else "day"


def decisions(found: Page) -> Told:
    """A page of decisions, newest first."""
    return {
        "object": "list",
        "data": found.rows,
        "has_more": found.next_cursor is not None,
        "next_cursor": found.next_cursor,
    }


def decision(found: Whole) -> Told:
    """A decision with everything that belongs to it, in words as well."""
    return {
        "decision": found.decision,
        "plan": found.plan,
        "attempts": [_whole(each) for each in found.attempts],
        "reply": _whole(found.reply) if found.reply else None,
        "followed": _whole(found.followed) if found.followed else None,
        "feedback": [_whole(each) for each in found.feedback],
        "words": page(found),
        "sentences": sentences(found),
    }


def routes(
    since: float, until: float, step: Step, found: Sequence[Bucket], known: list[str]
) -> Told:
    """What went to which route, over time.

    Args:
        since: where the first stretch begins.
        until: where the time that was asked for ends.
        step: how long a stretch is.
        found: the stretches.
        known: the routes of the settings, which come first.
    """
    seen = [name for bucket in found for name in bucket.routes]
    return {
        "since": since,
        "until": until,
        "bucket": step,
        "bucket_s": STEPS[step],
        "routes": list(dict.fromkeys([*known, *seen])),
        "buckets": found,
    }


def profile(engines: Engines, experience: Experience, now: float) -> Told:
    """What was measured of the models lately, and who rests.

    Args:
        engines: the models.
        experience: has measured them.
        now: on the event loop's clock, which breakers go by.
    """
    settings, measured = engines.config.profile, experience.profile()
    rows = []
    for candidate in engines.candidates:
        breaker = engines.targets[candidate.name].breaker
        rests_s = breaker.rests_s(now)
        rows.append(
            {
                "model": candidate.name,
                "route": candidate.route,
                **_measured(measured.get(candidate.name, {})),
                "resting": rests_s > 0,
                "resting_why": breaker.reason if rests_s else None,
                "resting_s": round(rests_s, 1) if rests_s else None,
            }
        )
    return {"models": rows, "half_life_s": settings.half_life, "used": settings.use}


def learning(experience: Experience) -> Told:
    """What is believed of the models, and whether it is used and grows."""
    settings = experience.learning
    return {
        "enabled": settings.enabled,
        "frozen": settings.frozen,
        "explore": settings.explore,
        "half_life_days": settings.half_life,
        "beliefs": experience.beliefs() if settings.enabled else [],
    }


def experiments(since: float, until: float, found: Sequence[Experiment]) -> Told:
    """What variants did to callers; how to begin where there are none."""
    return {
        "since": since,
        "until": until,
        "cautions": CAUTIONS,
        "how": None if found else HOW,
        "experiments": found,
    }


def _measured(known: dict[str, float]) -> Told:
    def ms(name: str) -> float | None:
        return round(known[name] * 1000, 1) if name in known else None

    return {
        "p50_ms": ms("p50"),
        "p95_ms": ms("p95"),
        "error_rate": known.get("error_rate"),
        "cost_usd": known.get("cost"),
        "tokens_per_s": known.get("throughput"),
        "tries": known.get("tries", 0.0),
    }


def _whole(record: msgspec.Struct) -> Told:
    """A record with all its keys but those that are told around it."""
    told = {name: getattr(record, name) for name in record.__struct_fields__}
    told.pop("decision", None)
    told.pop("client", None)
    return told
