"""Settings of who runs the server: clients and their budgets, the store, learning, telemetry.

[store]                            [[clients]]                       [learning]
url = "sqlite:///tonewise.db"      name = "support-app"              enabled = true
transcripts = false                token_env = "SUPPORT_APP_TOKEN"   explore = 0.05
                                   budget = { usd = 20, per = "day" }
"""

from typing import Annotated, Literal

from msgspec import Meta

from tonewise.default_models import Seconds
from tonewise.plan import Amount, Share
from tonewise.settings import Count, Section

Window = Literal["minute", "hour", "day", "month"]
"""Of the calendar, in UTC."""

Days = Annotated[int, Meta(ge=1, le=36_500)]


class Budget(Section, frozen=True):
    """Money that may be spent in a window.

    Attributes:
        usd: at most; None: no limit.
        per: the window.
    """

    usd: Amount | None = None
    per: Window = "day"


class Client(Section, frozen=True):
    """A `[[clients]]` entry: an application with a key of its own for the HTTP interfaces.

    Attributes:
        name: ours, as records and metrics call it.
        token_env: the variable that holds its key, 16 characters or more.
        models: names that it may ask for, with `auto` and `tonewise/…` among them, where it is
            not to have all; a `*` at the end stands for the rest. Where models are among them,
            routers choose among those only; where there are routers alone, among all.
        budget: that it may spend; further requests are refused until the window is over.
        requests_per_minute: more are refused, with the time to wait; None: no limit.
        tokens_per_minute: likewise, read and written together.
        operator: it may also read decisions and profiles of all clients, and steer the learner.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    token_env: Annotated[str, Meta(min_length=1)]
    models: tuple[str, ...] = ()
    budget: Budget = Budget()
    requests_per_minute: Annotated[int, Meta(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Meta(ge=1)] | None = None
    operator: bool = False


class Api(Section, frozen=True):
    """The HTTP interfaces under `/v1`.

    Attributes:
        enabled: False leaves only calls.
        max_body: bytes of a request; images make it large. All that are in hand may have eight
            times as many together; who comes on top of that is told to come back.
        max_requests: in hand at once; more are told to come back.
        explain: the answer tells attempts, route and reasons under the key `tonewise`; the headers
            tell them either way.
        metadata: the answer tells attempts under `metadata` as well, as Inworld's router does.
        total: seconds that a reply may take.
    """

    enabled: bool = True
    max_body: Annotated[int, Meta(ge=1024, le=1_073_741_824)] = 33_554_432
    max_requests: Count = 1000
    explain: bool = True
    metadata: bool = False
    total: Seconds = 600.0


class Store(Section, frozen=True):
    """Where decisions, attempts, feedback, profile and budgets are kept.

    Attributes:
        url: as in `sqlite:///tonewise.db` or `postgresql://user@host/name`; empty: in memory, and
            forgotten when the server stops.
        url_env: a variable whose value wins over `url`: an address with a password belongs there.
        journal: the folder where records wait for the database; empty: beside SQLite's file, and
            for PostgreSQL `tonewise-journal` in the current folder.
        days: after so many, decisions and all that belongs to them are deleted.
        transcripts: keep what callers said and were answered.
        transcript_days: after so many, those words are deleted.
        redact: what is masked in them.
        queue: records that may wait for the database in memory; the journal holds the rest.
        server: what this server is called where several share a database: profile and beliefs are
            kept under it, so it should be the same after a restart, and no other one's. Empty: the
            host's name and the port.
        pseudonym_env: a variable with a secret that pseudonyms are made with, besides the one in
            the database. Without it, who has the database can find a telephone number by trying
            all.
    """

    url: str = ""
    url_env: str = "TONEWISE_DATABASE_URL"
    journal: str = ""
    days: Days = 365
    transcripts: bool = False
    transcript_days: Days = 30
    redact: tuple[Literal["digits", "emails"], ...] = ("digits", "emails")
    queue: Annotated[int, Meta(ge=100, le=1_000_000)] = 20_000
    server: Annotated[str, Meta(max_length=200)] = ""
    pseudonym_env: str = "TONEWISE_PSEUDONYM_SECRET"


class Profile(Section, frozen=True):
    """What is measured of the models while they work.

    Attributes:
        use: decisions look at it: the latency of a model is what was measured lately.
        half_life: seconds after which a measurement counts half.
        warm_up: connect to models before the first caller needs them, and ask models on this
            machine, which have to be loaded first, for a word.
    """

    use: bool = True
    half_life: Seconds = 600.0
    warm_up: bool = True


class Learning(Section, frozen=True):
    """Whether, and how boldly, the router learns which model does well at what.

    Attributes:
        enabled: False: nothing is explored, and nothing that was learnt is used. The live profile
            still is, while `[profile] use` is on.
        frozen: use what was learned, and learn and explore no more.
        explore: the share of calm turns that another model than the best may answer. Frustrated
            callers and rounds of tool calls are never explored.
        half_life: days after which what was learned counts half.
        seed: of the draws.
    """

    enabled: bool = False
    frozen: bool = False
    explore: Share = 0.05
    half_life: Annotated[float, Meta(gt=0, le=3650)] = 7.0
    seed: int = 1


class Telemetry(Section, frozen=True):
    """What monitoring can see.

    Attributes:
        metrics: serve Prometheus's figures at `/metrics`.
        traces: where OpenTelemetry traces go over OTLP/HTTP, as in `http://127.0.0.1:4318`; empty:
            `$OTEL_EXPORTER_OTLP_ENDPOINT`, or nowhere.
        sample: the share of calls and requests that are traced.
    """

    metrics: bool = True
    traces: str = ""
    sample: Share = 1.0
