"""The tables of the settings file, one class each; `config.py` puts them together.

A table that belongs to one part of the house stands with that part: `[turns]` in `turns.py`,
`[attempts]` and `[[models]]` in `default_models.py`, `[[routes]]` and `[[rules]]` in `routes.py`.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tonewise.default_models import Seconds

Count = Annotated[int, Meta(ge=1, le=10_000)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file."""


class Server(Section, frozen=True):
    """Where to listen, and the limits that keep one caller from hurting another.

    Attributes:
        origins: web origins, besides our own page, whose pages may open a call.
        token_env: the variable that holds the token callers must bring, 16 characters or more;
            without one the server listens on loopback only.
        max_calls: at once; the next caller is told to come back later.
        max_message: bytes of one WebSocket message.
        hello: seconds that a caller may take to say the first thing.
        idle: seconds in which no message comes, and we say nothing either, until we hang up.
        longest_call: seconds.
        tuning: callers may set weights, patience and models for their own call; None: where the
            server listens on loopback only. Elsewhere whoever calls could choose dear models.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8600
    origins: tuple[str, ...] = ()
    token_env: str = "TONEWISE_TOKEN"  # noqa: S105 - the variable's name, not its value
    max_calls: Count = 16
    max_message: Annotated[int, Meta(ge=1024, le=16_777_216)] = 65_536
    hello: Seconds = 10.0
    idle: Seconds = 30.0
    longest_call: Seconds = 3600.0
    tuning: bool | None = None


class WebRtc(Section, frozen=True):
    """Calls from browsers over WebRTC. The limits of `[server]` hold for them as well.

    Attributes:
        enabled: False leaves browsers the plain WebSocket.
        stun: a server that tells each side its public address, as in `stun:stun.example.org:3478`;
            empty: none is asked, which is enough on one network or with a public address.
        turn: a server that relays where nothing else gets through, as in
            `turn:turn.example.org:3478?transport=udp`.
        turn_user: the user there; empty: the server shares a secret with us.
        turn_secret_env: the variable that holds that user's password, or that secret.
        connect: seconds that a caller has to connect and send the first sound.
        silent: seconds without a packet after which the caller is taken for gone.
        offers_per_minute: from one address.
    """

    enabled: bool = True
    stun: Annotated[str, Meta(pattern=r"^(stuns?:[^?\s]+)?$")] = ""
    turn: Annotated[str, Meta(pattern=r"^(turns?:\S+)?$")] = ""
    turn_user: str = ""
    turn_secret_env: str = "TURN_SECRET"  # noqa: S105 - the variable's name, not its value
    connect: Seconds = 10.0
    silent: Seconds = 4.0
    offers_per_minute: Count = 60


class Telephony(Section, frozen=True):
    """Calls by telephone. The limits of `[server]` hold for them as well.

    Attributes:
        wires: who may bring calls, by the plug-in's name, each with its options: an empty table
            `[telephony.wires.twilio]` is enough.
        public_url: how the provider reaches this server, as in `https://voice.example.org`.
            Signatures are checked against it, and never against what a header says.
        callers: numbers that may call, as the provider writes them; a `*` at the end stands for the
            rest. Empty: all.
        accounts: accounts at the provider whose calls are taken; empty: all that it signs.
        addresses: networks from which wires may connect, as in `10.0.0.0/8`; empty: all.
        calls_per_number: at once.
        hello: seconds that a stream may take to start.
        idle: seconds in which no message comes, and we say nothing either, until we hang up.
        longest_call: seconds.
        token_secret_env: the variable with the secret that one-time tokens are made with, where
            several processes answer; where it is not set, one is made up.
        notice: what the provider's own voice says before anything else, where it has one.
        transfer_to: telephone numbers or SIP addresses of people; the first where none is named.
        transfer_marker: where a model writes it, the caller is handed over when the reply has been
            heard; it is not spoken. Tell the model about it in `llm.instructions`.
        summary_url: where what was said and decided is posted when a caller is handed over.
        summary_token_env: the variable with the bearer token that is sent there.
        summary_private: that URL may be a private address, or `http`.
        clearer: on lines of 8 kHz, hissing sounds are moved down to where they can be heard; None:
            for espeak's voice, with which it was measured.
        audiosocket: where AudioSocket's TCP listens, as in `127.0.0.1:9092`; empty: nowhere.
    """

    wires: dict[str, dict[str, Any]] = {}
    public_url: Annotated[str, Meta(pattern=r"^(https?://[^/?#@\s]+/?)?$")] = ""
    callers: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    calls_per_number: Count = 4
    hello: Seconds = 10.0
    idle: Seconds = 30.0
    longest_call: Seconds = 3600.0
    token_secret_env: str = "TELEPHONY_SECRET"  # noqa: S105 - the variable's name, not its value
    notice: str = ""
    transfer_to: tuple[str, ...] = ()
    transfer_marker: str = ""
    summary_url: str = ""
    summary_token_env: str = "SUMMARY_TOKEN"  # noqa: S105 - the variable's name, not its value
    summary_private: bool = False
    clearer: bool | None = None
    audiosocket: str = ""


class Vad(Section, frozen=True):
    """Is this speech? `threshold` None takes the engine's own."""

    use: str = "silero"
    threshold: Annotated[float, Meta(gt=0, lt=1)] | None = None
    options: dict[str, Any] = {}


class Stt(Section, frozen=True):
    """What was said?

    Attributes:
        language: what callers speak (ISO 639-1); None leaves it to the engine.
        workers: threads for STT and voice cues, shared by all calls.
        timeout: seconds after which a turn goes on without its words.
        partials: while a caller speaks on, what was said so far is shown about every so many
            seconds, where nothing else is to be computed; 0 never.
    """

    use: str = "auto"
    language: str | None = None
    workers: Annotated[int, Meta(ge=1, le=256)] = 2
    timeout: Seconds = 30.0
    partials: Annotated[float, Meta(ge=0, le=60)] = 1.5
    options: dict[str, Any] = {}


class Acoustic(Section, frozen=True):
    """How was it said?"""

    use: str = "voice_cues"
    options: dict[str, Any] = {}


class Shadow(Section, frozen=True):
    """A second policy that decides every turn as well; it is logged and never acted on."""

    use: str = ""
    options: dict[str, Any] = {}


class Router(Section, frozen=True):
    """Who should answer?

    Attributes:
        use: the policy. `policy` reads `[[rules]]` and `[[routes]]` and weighs what the models are
            worth; `thresholds` is simple.
        inworld: a router of Inworld's as JSON, beside this file; adds routes, rules and models.
    """

    use: str = "policy"
    inworld: str | None = None
    options: dict[str, Any] = {}
    shadow: Shadow = Shadow()


class Llm(Section, frozen=True):
    """What every model is told, and how much it may say."""

    instructions: str = (
        "You are a helpful assistant on a voice call. Answer in one to three short spoken "
        "sentences, without lists or markup. If you did not understand, ask."
    )
    max_tokens: Count = 400
    history: Annotated[int, Meta(ge=0, le=200)] = 20


class Endpoint(Section, frozen=True):
    """Is the caller done?"""

    use: str = "patience"
    options: dict[str, Any] = {}


class Early(Section, frozen=True):
    """What is begun before a turn has ended, at a pause that sounds like its end.

    Attributes:
        read_from: probability that the caller is done from which a pause is read at once; a pause
            that sounds unfinished is read when it has lasted `turns.linger`.
        ask_from: probability from which the model is asked, too; its answer is held until the turn
            has ended, and thrown away if the caller goes on. 1 never asks early.
        most_cancelled: requests thrown away in the latest 20 turns of a call, from which on none is
            begun early until they are further back. The default lets early starts at most double
            the requests of a call, however long it is; 0 never asks early.
    """

    read_from: Annotated[float, Meta(ge=0, le=1)] = 0.3
    ask_from: Annotated[float, Meta(ge=0, le=1)] = 0.5
    most_cancelled: Annotated[int, Meta(ge=0, le=10_000)] = 20


class Tts(Section, frozen=True):
    """How does it sound?

    Attributes:
        use: the engine; `auto` takes the offline voice where it is installed, else none.
        timeout: seconds that it may take to a piece of sound.
    """

    use: str = "auto"
    timeout: Seconds = 10.0
    options: dict[str, Any] = {}


HOLD_PHRASES = {
    "en": ("One moment, please.", "Just a second.", "Let me see."),
    "en/frontier": (
        "Let me think about that for a moment.",
        "Let me look into that.",
        "Good question, one moment.",
    ),
    "de": ("Einen Moment, bitte.", "Ich sehe gleich nach."),
    "es": ("Un momento, por favor.", "Déjeme ver."),
    "fr": ("Un instant, s'il vous plaît.", "Je regarde."),
}


class Speech(Section, frozen=True):
    """How we speak to a caller who can hear us.

    Attributes:
        language: of what we say where the call tells none (ISO 639-1).
        lead: seconds that sound is sent ahead of its time.
        hold_after: seconds after the end of a turn without a word of the reply, after which a hold
            phrase is spoken; 0 never.
        hold_phrases: by language, or by language and route, in place of ours; none is said twice in
            a row.
        idle_after: seconds in which neither side says anything, after which we ask; as long again,
            and the call is closed. 0 never.
        idle_prompt: what we ask then.
        end_marker: where a model writes it, the call ends when the reply has been heard; it is not
            spoken. Tell the model about it in `llm.instructions`.
    """

    language: str = "en"
    lead: Annotated[float, Meta(ge=0.02, le=2)] = 0.2
    hold_after: Annotated[float, Meta(ge=0, le=30)] = 0.8
    hold_phrases: dict[str, tuple[str, ...]] = {}
    idle_after: Annotated[float, Meta(ge=0, le=3600)] = 20.0
    idle_prompt: str = "Are you still there?"
    end_marker: str = ""
