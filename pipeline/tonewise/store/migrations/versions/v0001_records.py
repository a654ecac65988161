"""The first tables: what is known of calls and decisions, snapshots, and what clients spent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

PLAN = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Make them."""
    _calls()
    _decisions()
    _attempts()
    _replies()
    _followed()
    _feedback()
    _sums()


def downgrade() -> None:
    """Drop them, with all that is in them."""
    for table in ("spending", "snapshots", "feedback", "followed", "replies", "attempts"):
        op.drop_table(table)
    op.drop_table("decisions")
    op.drop_table("calls")


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("call", sa.Text(), primary_key=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("wire", sa.Text()),
        sa.Column("caller", sa.Text()),
        sa.Column("language", sa.Text()),
        sa.Column("over_at", sa.Double()),
        sa.Column("reason", sa.Text()),
        sa.Column("turns", sa.BigInteger()),
        sa.Column("seconds", sa.Double()),
    )
    op.create_index("calls_at", "calls", ["at"])


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("decision", sa.Text(), primary_key=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("router", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("task", sa.Text()),
        sa.Column("rule", sa.Text()),
        sa.Column("complexity", sa.Double(), nullable=False),
        sa.Column("frustration", sa.Double()),
        sa.Column("escalated", sa.Boolean(), nullable=False),
        sa.Column("explored", sa.Boolean(), nullable=False),
        sa.Column("calm", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("said", sa.Text()),
        sa.Column("quotes", sa.Boolean(), nullable=False),
        sa.Column("plan", PLAN, nullable=False),
    )
    op.create_index("decisions_at", "decisions", ["at", "decision"])
    op.create_index("decisions_call", "decisions", ["call"])
    op.create_index("decisions_route", "decisions", ["route", "at"])
    op.create_index("decisions_variant", "decisions", ["route", "variant", "at"])
    op.create_index("decisions_client", "decisions", ["client", "at"])
    op.create_index("decisions_user", "decisions", ["user", "at"])
    _only("decisions_quotes", "decisions", "quotes")


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("decision", sa.Text(), primary_key=True),
        sa.Column("attempt", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.Column("task", sa.Text()),
        sa.Column("input_tokens", sa.BigInteger()),
        sa.Column("output_tokens", sa.BigInteger()),
        sa.Column("first_token_ms", sa.Double()),
        sa.Column("total_ms", sa.Double()),
        sa.Column("cost_usd", sa.Double()),
        sa.Column("early", sa.Boolean(), nullable=False),
    )
    op.create_index("attempts_at", "attempts", ["at"])
    op.create_index("attempts_model", "attempts", ["model", "at"])


def _replies() -> None:
    op.create_table(
        "replies",
        sa.Column("decision", sa.Text(), primary_key=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("first_token_ms", sa.Double()),
        sa.Column("first_sound_ms", sa.Double()),
        sa.Column("total_ms", sa.Double()),
        sa.Column("replied", sa.Text()),
    )
    op.create_index("replies_at", "replies", ["at"])
    _only("replies_words", "replies", "replied IS NOT NULL")


def _followed() -> None:
    op.create_table(
        "followed",
        sa.Column("decision", sa.Text(), primary_key=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("frustration", sa.Double()),
        sa.Column("before", sa.Double()),
        sa.Column("interrupted", sa.Boolean(), nullable=False),
        sa.Column("repeated", sa.Boolean(), nullable=False),
        sa.Column("thanked", sa.Boolean(), nullable=False),
        sa.Column("hung_up", sa.Boolean(), nullable=False),
    )
    op.create_index("followed_at", "followed", ["at"])


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("decision", sa.Text(), primary_key=True),
        sa.Column("by", sa.Text(), primary_key=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("text", sa.Text()),
    )
    op.create_index("feedback_at", "feedback", ["at"])
    _only("feedback_words", "feedback", "text IS NOT NULL")


def _only(name: str, table: str, where: str) -> None:
    told = sa.text(where)
    op.create_index(name, table, ["at"], sqlite_where=told, postgresql_where=told)


def _sums() -> None:
    op.create_table(
        "snapshots",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "spending",
        sa.Column("client", sa.Text(), primary_key=True),
        sa.Column("window", sa.Text(), primary_key=True),
        sa.Column("since", sa.Double(), primary_key=True),
        sa.Column("nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
    )
    op.create_index("spending_since", "spending", ["window", "since"])
