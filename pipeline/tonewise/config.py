"""All settings: one TOML file and environment variables, to one frozen `Config`.

Looked for in this order: the file that is named, `$TONEWISE_CONFIG`, `tonewise.toml` in the current
folder; else the defaults below. An environment variable overrides a key of the file:
`TONEWISE_TURNS__PATIENCE=0.5` is `patience = 0.5` under `[turns]`.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_origin

import msgspec

from tonewise import inworld, plugins, routes
from tonewise.consent import Emotion
from tonewise.default_models import DEFAULT_MODELS, Attempts, Model
from tonewise.errors import ConfigError
from tonewise.floor import Timing
from tonewise.keeping import Recording
from tonewise.operating import Api, Budget, Client, Learning, Profile, Store, Telemetry
from tonewise.routes import RouteSettings, Rule
from tonewise.settings import (
    Acoustic,
    Early,
    Endpoint,
    Llm,
    Router,
    Section,
    Server,
    Shadow,
    Speech,
    Stt,
    Telephony,
    Tts,
    Vad,
    WebRtc,
)

NOT_SETTINGS = (
    "TONEWISE_CONFIG",
    "TONEWISE_DATA",
    "TONEWISE_DATABASE_URL",
    "TONEWISE_PSEUDONYM_SECRET",
    "TONEWISE_RECORDING_KEY",
    "TONEWISE_TOKEN",
)
"""Environment variables with our prefix that are no keys of the file: the file's own place, the
data that benchmarks use, the store's address, the recordings' key and the callers' token."""


class Config(Section, frozen=True):
    """Everything that can be set."""

    server: Server = Server()
    webrtc: WebRtc = WebRtc()
    telephony: Telephony = Telephony()
    turns: Timing = Timing()
    vad: Vad = Vad()
    stt: Stt = Stt()
    acoustic: Acoustic = Acoustic()
    emotion: Emotion = Emotion()
    endpoint: Endpoint = Endpoint()
    early: Early = Early()
    router: Router = Router()
    llm: Llm = Llm()
    attempts: Attempts = Attempts()
    tts: Tts = Tts()
    speech: Speech = Speech()
    recording: Recording = Recording()
    api: Api = Api()
    budget: Budget = Budget()
    store: Store = Store()
    profile: Profile = Profile()
    learning: Learning = Learning()
    telemetry: Telemetry = Telemetry()
    routers: dict[str, Router] = {}  # noqa: RUF012 - msgspec makes one for each
    clients: tuple[Client, ...] = ()
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
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}: line {line} is not UTF-8: save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def _override(table: dict[str, Any], environ: Mapping[str, str]) -> None:
    others = {*NOT_SETTINGS, *_variables(table)}
    for name in sorted(environ):
        if not name.startswith("TONEWISE_") or name in others:
            continue
        section, _, key = name.removeprefix("TONEWISE_").lower().partition("__")
        _check_keys({section: {key: None} if key else {}}, Config, f"${name}", "")
        if not key or section in ("models", "routes", "rules", "clients", "routers"):
            msg = f"${name}: write TONEWISE_<SECTION>__<KEY>, as in TONEWISE_TURNS__PATIENCE"
            raise ConfigError(msg)
        if isinstance(place := table.setdefault(section, {}), dict):  # else told of below
            place[key] = _value(environ[name])


def _variables(table: object) -> Iterator[str]:
    """Variables that the file itself names, as in `token_env = "TONEWISE_APP_KEY"`."""
    if isinstance(table, dict):
        for key, value in table.items():
            if key.endswith("_env") and isinstance(value, str):
                yield value
            yield from _variables(value)
    elif isinstance(table, list):
        for item in table:
            yield from _variables(item)


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
        ("endpoint", "endpoint", config.endpoint.use),
        ("tts", "tts", config.tts.use),
        ("router", "routing", config.router.use),
    ]
    if config.router.shadow.use:
        used.append(("router.shadow", "routing", config.router.shadow.use))
    used += [(f"routers.{name}", "routing", each.use) for name, each in config.routers.items()]
    used += [(f"models[{i}]", "llm", model.use) for i, model in enumerate(config.models)]
    for key, stage, use in used:
        if why := plugins.missing(stage, use):
            raise ConfigError(f"{place}: {key}.use: {why}")
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
    imported = bool(config.router.inworld)
    routes.check(config.routes, config.rules, models, place, imported=imported)
    _check_other_routers(config, place)
    sections: tuple[Router | Shadow, ...] = (config.router, *config.routers.values())
    for section in (*sections, config.router.shadow):
        routes.check_default(section.options.get("default_route"), config.routes, models, place)
    known = list(routes.STRENGTHS)
    strange = {name: route for name, route in models.items() if route not in known}
    reached = {rule.route for rule in config.rules} | {route.name for route in config.routes}
    reached |= {str(section.options.get("default_route")) for section in sections}
    aside = {name: route for name, route in strange.items() if route not in reached}
    if config.router.use == "policy" and aside:
        name, route = next(iter(aside.items()))
        msg = f"{place}: models: {name!r} has the route {route!r}"
        msg += f"{plugins.did_you_mean(route, known)}; no rule leads there: name it in [[rules]] or"
        raise ConfigError(f"{msg} give it a place under [[routes]]")
    if config.router.use == "thresholds" and strange:
        name, route = next(iter(strange.items()))
        msg = (
            f"{place}: models: {name!r} has the route {route!r}{plugins.did_you_mean(route, known)}"
        )
        raise ConfigError(f"{msg}; 'thresholds' sends turns to {' and '.join(known)} only")
    others = (each.use for each in config.routers.values())
    policies = (config.router.use, config.router.shadow.use, *others)
    if (config.rules or config.routes) and set(policies) <= {"thresholds", ""}:
        msg = f"{place}: router.use: 'thresholds' reads no [[rules]] and no [[routes]]; write "
        raise ConfigError(f'{msg}use = "policy" under [router]')


def _check_other_routers(config: Config, place: str) -> None:
    for name, router in config.routers.items():
        if name == "default":
            raise ConfigError(f"{place}: routers.default: that is what [router] is called already")
        if router.inworld or router.shadow.use:
            msg = f"{place}: routers.{name}: 'inworld' and 'shadow' belong under [router]"
            raise ConfigError(msg)


def _models_for(environ: Mapping[str, str]) -> tuple[Model, ...]:
    """The models of the first provider whose key is set; the demo responder where none is."""
    for key, models in DEFAULT_MODELS.items():
        if key is None or environ.get(key):
            return models
    return ()
