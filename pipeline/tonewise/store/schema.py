"""The tables, for SQLite and PostgreSQL alike. What they are today, `migrations/` leads to.

One row for each record of `records.py`, by its natural key, so that the same record written twice
is written once. Plans are kept whole, as JSON; what one filters by stands in columns of its own.
There are no foreign keys: an attempt that had a head start ends before its turn is decided, and
feedback may come for a decision that was deleted yesterday. `retention.py` deletes what belongs
together, together.

Times are seconds since 1970, UTC. Money is whole billionths of a dollar where it is summed, so that
a sum does not depend on its order.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()


def _only(name: str, where: str) -> Index:
    """An index by time of the few rows that hold words, so that their end is found at once."""
    return Index(name, "at", sqlite_where=text(where), postgresql_where=text(where))


PLAN = JSON().with_variant(JSONB(), "postgresql")

calls = Table(
    "calls",
    metadata,
    Column("call", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("wire", Text),
    Column("caller", Text),
    Column("language", Text),
    Column("over_at", Double),
    Column("reason", Text),
    Column("turns", BigInteger),
    Column("seconds", Double),
    Index("calls_at", "at"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("decision", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("source", Text, nullable=False),
    Column("call", Text, nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("client", Text, nullable=False),
    Column("router", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("model", Text, nullable=False),  # the first to be tried
    Column("variant", Text, nullable=False),
    Column("task", Text),
    Column("rule", Text),
    Column("complexity", Double, nullable=False),
    Column("frustration", Double),
    Column("escalated", Boolean, nullable=False),
    Column("explored", Boolean, nullable=False),
    Column("calm", Boolean, nullable=False),
    Column("why", Text, nullable=False),  # the reasons' sentences, a line each
    Column("said", Text),
    Column("quotes", Boolean, nullable=False),  # the caller's words are in this row
    Column("plan", PLAN, nullable=False),
    Index("decisions_at", "at", "decision"),
    Index("decisions_call", "call"),
    Index("decisions_route", "route", "at"),
    Index("decisions_variant", "route", "variant", "at"),
    Index("decisions_client", "client", "at"),
    Index("decisions_user", "user", "at"),
    _only("decisions_quotes", "quotes"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("decision", Text, primary_key=True),
    Column("attempt", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("client", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", Text),
    Column("task", Text),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("first_token_ms", Double),
    Column("total_ms", Double),
    Column("cost_usd", Double),
    Column("early", Boolean, nullable=False),
    Index("attempts_at", "at"),
    Index("attempts_model", "model", "at"),
)

replies = Table(
    "replies",
    metadata,
    Column("decision", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("first_token_ms", Double),
    Column("first_sound_ms", Double),
    Column("total_ms", Double),
    Column("replied", Text),
    Index("replies_at", "at"),
    _only("replies_words", "replied IS NOT NULL"),
)

followed = Table(
    "followed",
    metadata,
    Column("decision", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("frustration", Double),
    Column("before", Double),
    Column("interrupted", Boolean, nullable=False),
    Column("repeated", Boolean, nullable=False),
    Column("thanked", Boolean, nullable=False),
    Column("hung_up", Boolean, nullable=False),
    Index("followed_at", "at"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("decision", Text, primary_key=True),
    Column("by", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("score", Double, nullable=False),
    Column("label", Text, nullable=False),
    Column("text", Text),
    Index("feedback_at", "at"),
    _only("feedback_words", "text IS NOT NULL"),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

spending = Table(
    "spending",
    metadata,
    Column("client", Text, primary_key=True),  # empty: the whole deployment
    Column("window", Text, primary_key=True),
    Column("since", Double, primary_key=True),
    Column("nano_usd", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Index("spending_since", "window", "since"),
)
