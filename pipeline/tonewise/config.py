"""All settings: one TOML file and environment variables, to one frozen `Config`.

Looked for in this order: the file that is named, `$TONEWISE_CONFIG`, `tonewise.toml` in the current
folder; else the defaults below. An environment variable overrides a key of the file:
`TONEWISE_TURNS__PATIENCE=0.5` is `patience = 0.5` under `[turns]`.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_origin

import msgspec
from msgspec import Meta

from tonewise import inworld, plugins, routes
from tonewise.default_models import DEFAULT_MODELS, Attempts, Model, Seconds
from tonewise.errors import ConfigError
from tonewise.routes import RouteSettings, Rule
from tonewise.turns import Timing

Count = Annotated[int, Meta(ge=1, le=10_000)]

NOT_SETTINGS = ("TONEWISE_CONFIG", "TONEWISE_DATA", "TONEWISE_TOKEN")
"""Environment variables with our prefix that are no keys of the file: the file's own place, the
data that benchmarks use, and the callers' token."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file."""


class Server(Section, frozen=True):
    """Where to listen, and the limits that keep one caller from hurting another.

    Attributes:
        origins: web origins, besides our own page, whose pages may open a call.
        token_env: the variable that holds the token callers must bring; without one the server
            listens on loopback only.
        max_calls: at once; the next caller is told to come back later.
        max_message: bytes of one WebSocket message.
        hello: seconds that a caller may take to say the first thing.
        idle: seconds without any message until we hang up.
        longest_call: seconds.
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
    """

    use: str = "auto"
    language: str | None = None
    workers: Annotated[int, Meta(ge=1, le=256)] = 2
    timeout: Seconds = 30.0
    options: dict[str, Any] = {}


class Acoustic(Section, frozen=True):
    """How was it said?"""

    use: str = "prosody"
    options: dict[str, Any] = {}


class Shadow(Section, frozen=True):
    """A second policy that decides every turn as well; it is logged and never acted on."""

    use: str = ""
    options: dict[str, Any] = {}


class Router(Section, frozen=True):
    """Who should answer?

    Attributes:
        use: the policy. `thresholds` is simple; `policy` reads `[[rules]]` and `[[routes]]`.
        inworld: a router of Inworld's as JSON, beside this file; adds routes, rules and models.
    """

    use: str = "thresholds"
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


class Config(Section, frozen=True):
    """Everything that can be set."""

    server: Server = Server()
    turns: Timing = Timing()
    vad: Vad = Vad()
    stt: Stt = Stt()
    acoustic: Acoustic = Acoustic()
    router: Router = Router()
    llm: Llm = Llm()
    attempts: Attempts = Attempts()
    models: tuple[Model, ...] = ()
    routes: tuple[RouteSettings, ...] = ()
    rules: tuple[Rule, ...] = ()


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The settings.

    Args:
        path: the file; None looks in the usual places.
        environ: environment variables, usually `os.environ`.

    Raises:
        ConfigError: names the file, the key, what is wrong and the choices.
    """
    found = path or _usual_place(environ)
    table = _read(found) if found else {}
    place = str(found) if found else "the settings"
    _check_keys(table, Config, place, "")
    _override(table, environ)
    try:
        config = msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{place}: {_readable(error)}") from error
    if config.router.inworld:
        config = _with_inworld(config, (found.parent if found else Path()) / config.router.inworld)
    if not config.models:
        config = msgspec.structs.replace(config, models=_models_for(environ))
    _check_choices(config, place)
    return config


def _with_inworld(config: Config, path: Path) -> Config:
    """The settings, and what a router of Inworld's adds; our own rules are asked first."""
    found = inworld.load(path, config.models)
    options = {"metadata": ("*",), "default_route": found.default_route}

    def added(section: Router | Shadow) -> Any:  # noqa: ANN401 - a Router or a Shadow
        if section.use in ("", "thresholds"):
            return section
        return msgspec.structs.replace(section, options=options | section.options)

    return msgspec.structs.replace(
        config,
        router=msgspec.structs.replace(added(config.router), shadow=added(config.router.shadow)),
        models=(*config.models, *found.models),
        routes=(*config.routes, *found.routes),
        rules=(*config.rules, *found.rules),
    )


def _usual_place(environ: Mapping[str, str]) -> Path | None:
    if named := environ.get("TONEWISE_CONFIG"):
        return Path(named)
    here = Path("tonewise.toml")
    return here if here.is_file() else None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def _override(table: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if not name.startswith("TONEWISE_") or name in NOT_SETTINGS:
            continue
        section, _, key = name.removeprefix("TONEWISE_").lower().partition("__")
        _check_keys({section: {key: None} if key else {}}, Config, f"${name}", "")
        if not key or section in ("models", "routes", "rules"):
            msg = f"${name}: write TONEWISE_<SECTION>__<KEY>, as in TONEWISE_TURNS__PATIENCE"
            raise ConfigError(msg)
        if isinstance(place := table.setdefault(section, {}), dict):  # else told of below
            place[key] = _value(environ[name])


def _value(text: str) -> Any:  # noqa: ANN401 - whatever TOML holds
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _check_keys(table: object, kind: Any, place: str, prefix: str) -> None:  # noqa: ANN401
    """Every key of a table must be a field of `kind`: an error here names the nearest one."""
    if isinstance(table, list) and get_origin(kind) is tuple:
        for item in table:
            _check_keys(item, kind.__args__[0], place, prefix)
    if not isinstance(table, dict) or not hasattr(kind, "__struct_fields__"):
        return
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in table.items():
        if key not in fields:
            msg = (
                f"{place}: there is no key {prefix + key!r}"
                f"{plugins.did_you_mean(key, list(fields))}; here are: {', '.join(fields)}"
            )
            raise ConfigError(msg)
        _check_keys(value, fields[key], place, f"{prefix}{key}.")


def _readable(error: msgspec.ValidationError) -> str:
    what, _, where = str(error).partition(" - at `$.")
    return f"{where.rstrip('`') or 'top level'}: {what[:1].lower()}{what[1:]}"


def _check_choices(config: Config, place: str) -> None:
    used = [("vad", "vad", config.vad.use), ("stt", "stt", config.stt.use)]
    used += [
        ("acoustic", "acoustic", config.acoustic.use),
        ("router", "routing", config.router.use),
    ]
    if config.router.shadow.use:
        used.append(("router.shadow", "routing", config.router.shadow.use))
    used += [(f"models[{i}]", "llm", model.use) for i, model in enumerate(config.models)]
    for key, stage, use in used:
        choices = plugins.names(stage)
        if "." not in use and use not in choices:
            msg = (
                f"{place}: {key}.use: there is no {use!r}{plugins.did_you_mean(use, choices)}; "
                f"choose one of {', '.join(choices)}, or name a module of your own"
            )
            raise ConfigError(msg)
    names = [model.name for model in config.models]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{place}: two models are called {name!r}; give each its own name")
    _check_router(config, place)
    if config.turns.patience <= config.turns.lull:
        msg = f"{place}: turns.patience ({config.turns.patience} s) must be longer than turns.lull"
        raise ConfigError(f"{msg} ({config.turns.lull} s)")


def _check_router(config: Config, place: str) -> None:
    models = {model.name: model.route for model in config.models}
    routes.check(config.routes, config.rules, models, place)
    for section in (config.router, config.router.shadow):
        routes.check_default(section.options.get("default_route"), config.routes, models, place)
    known = list(routes.STRENGTHS)
    strange = {name: route for name, route in models.items() if route not in known}
    if config.router.use == "thresholds" and strange:
        name, route = next(iter(strange.items()))
        msg = (
            f"{place}: models: {name!r} has the route {route!r}{plugins.did_you_mean(route, known)}"
        )
        raise ConfigError(f"{msg}; 'thresholds' sends turns to {' and '.join(known)} only")
    policies = (config.router.use, config.router.shadow.use)
    if (config.rules or config.routes) and set(policies) <= {"thresholds", ""}:
        msg = f"{place}: router.use: 'thresholds' reads no [[rules]] and no [[routes]]; write "
        raise ConfigError(f'{msg}use = "policy" under [router]')


def _models_for(environ: Mapping[str, str]) -> tuple[Model, ...]:
    """The models of the first provider whose key is set; the demo responder where none is."""
    for key, models in DEFAULT_MODELS.items():
        if key is None or environ.get(key):
            return models
    return ()
