"""Inworld's router as JSON, read as it is: its routes, variants, weights, conditions and default.

    {"routes": [{"route": {"route_id": …, "variants": [{"variant": {"variant_id": …,
       "model_id": "openai/gpt-5.4"}, "weight": 100}]}, "condition": {"cel_expression": …}}],
     "defaultRoute": {"route_id": …, "variants": […]}}

Keys may be written in either style (`modelId`, `model_id`). A route becomes one of ours, which
stands aside of the ladder, and its condition a rule of the same name, in the same order. The keys
of the caller's metadata are variables at top level; `voice.*` and all the others are there as well.
What we do not use (templates, sampling, web search) is logged as a warning. Contract:
docs.inworld.ai/api-reference/routerAPI/routerservice/get-router.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from tonewise.default_models import Model
from tonewise.errors import ConfigError
from tonewise.routes import RouteSettings, Rule, Variant

log = logging.getLogger(__name__)

PROVIDERS: dict[str, tuple[str, dict[str, str]]] = {
    "openai": ("openai_compatible", {}),
    "anthropic": ("anthropic", {}),
    "groq": ("openai_compatible", {"base_url": "https://api.groq.com/openai/v1"}),
    "mistral": ("openai_compatible", {"base_url": "https://api.mistral.ai/v1"}),
    "xai": ("openai_compatible", {"base_url": "https://api.x.ai/v1"}),
    "deepseek": ("openai_compatible", {"base_url": "https://api.deepseek.com/v1"}),
    "cerebras": ("openai_compatible", {"base_url": "https://api.cerebras.ai/v1"}),
    "fireworks": ("openai_compatible", {"base_url": "https://api.fireworks.ai/inference/v1"}),
    "google-ai-studio": (
        "openai_compatible",
        {
            "base_url": "https://generativelanguage.googleapis.com/v1beta/openai",
            "api_key_env": "GEMINI_API_KEY",
        },
    ),
}
"""What stands before the slash of a model's identifier, and who serves it. The key is looked for in
`<PROVIDER>_API_KEY`."""

_UNUSED = {
    "text_generation_config",
    "message_templates",
    "web_search",
    "sort",
    "provider",
}


class Imported(msgspec.Struct, frozen=True):
    """A router of Inworld's in our words.

    Attributes:
        routes: with their variants.
        rules: one per route that has a condition.
        models: those that the routes name and the settings do not have.
        default_route: empty where there is none.
    """

    routes: tuple[RouteSettings, ...]
    rules: tuple[Rule, ...]
    models: tuple[Model, ...]
    default_route: str


def load(path: Path, models: Sequence[Model]) -> Imported:
    """Read a router.

    Args:
        path: the JSON file.
        models: `[[models]]`: one that is called like an identifier in the file, or asks its server
            for it, is taken; the others are made from what stands before the slash.

    Raises:
        ConfigError: names the file, the place in it and what is wrong.
    """
    try:
        table = _snake(msgspec.json.decode(path.read_bytes()))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid JSON: {error}") from error
    return _Reader(str(path), models).read(table)


class _Reader:
    def __init__(self, place: str, models: Sequence[Model]) -> None:
        self._place = place
        self._models = models
        self._made: dict[str, Model] = {}

    def read(self, table: Any) -> Imported:  # noqa: ANN401 - whatever the file holds
        top = self._object(table, "")
        self._note(top.get("defaults") or {}, "defaults")
        routes, rules = [], []
        for at, item in enumerate(self._list(top.get("routes", []), "routes")):
            where = f"routes[{at}]"
            entry = self._object(item, where)
            nested = "route" in entry
            route = self._route(entry["route"] if nested else entry, where + ".route" * nested)
            routes.append(route)
            when = self._object(entry.get("condition") or {}, f"{where}.condition")
            if text := when.get("cel_expression"):
                rules.append(Rule(route.name, self._text(text, f"{where}.condition"), route.name))
            else:
                rules.append(Rule(route.name, "true", route.name, "the route has no condition"))
        default = ""
        if given := top.get("default_route"):
            route = self._route(given, "defaultRoute")
            default = route.name
            if default not in [each.name for each in routes]:
                routes.append(route)
        if not routes:
            self._refuse("", "there are neither routes nor a defaultRoute")
        made = tuple(self._made.values())
        return Imported(tuple(routes), tuple(rules), made, default)

    def _route(self, given: Any, where: str) -> RouteSettings:  # noqa: ANN401
        route = self._object(given, where)
        name = self._text(route.get("route_id"), f"{where}.route_id")
        variants = self._list(route.get("variants", []), f"{where}.variants")
        if not variants:
            self._refuse(f"{where}.variants", "at least one is needed")
        return RouteSettings(
            name,
            variants=tuple(
                self._variant(item, f"{where}.variants[{at}]", name, len(variants))
                for at, item in enumerate(variants)
            ),
        )

    def _variant(self, given: Any, where: str, route: str, count: int) -> Variant:  # noqa: ANN401
        item = self._object(given, where)
        inner = self._object(item.get("variant", item), where)
        self._note(inner, where)
        weight = item.get("weight", 100 if count == 1 else None)
        if not isinstance(weight, int) or isinstance(weight, bool) or not 0 <= weight <= 100:
            self._refuse(f"{where}.weight", f"must be a whole number from 0 to 100, not {weight!r}")
        names = tuple(
            dict.fromkeys(
                self._model(wanted, where, route) for wanted in self._wanted(inner, where)
            )
        )
        if not names:
            self._refuse(where, "names no model: give it a model_id")
        return Variant(names, weight, str(inner.get("variant_id", "")))

    def _wanted(self, variant: dict[str, Any], where: str) -> Iterator[str]:
        if wanted := variant.get("model_id"):
            yield self._text(wanted, f"{where}.model_id")
        selection = self._object(variant.get("model_selection") or {}, f"{where}.model_selection")
        self._note(selection, f"{where}.model_selection")
        for wanted in self._list(selection.get("models", []), f"{where}.model_selection.models"):
            if wanted not in selection.get("ignore", ()):
                yield self._text(wanted, f"{where}.model_selection.models")

    def _model(self, wanted: str, where: str, route: str) -> str:
        """The name of the model of ours that stands for an identifier."""
        provider, _, rest = wanted.partition("/")
        for known in self._models:
            if known.name == wanted or known.options.get("model") in (wanted, rest or wanted):
                return known.name
        if not rest or provider not in PROVIDERS:
            self._refuse(
                where,
                f"{wanted!r} is nobody's that is known here ({', '.join(PROVIDERS)}): add a "
                f"[[models]] entry with name = {wanted!r}",
            )
        use, options = PROVIDERS[provider]
        key = f"{provider.upper().replace('-', '_')}_API_KEY"
        settings = {"model": rest, "api_key_env": key, **options}
        self._made.setdefault(wanted, Model(wanted, route, use, options=settings))
        return wanted

    # ------------------------------------------------------------ what stands in the file

    def _note(self, table: dict[str, Any], where: str) -> None:
        for key in sorted(_UNUSED & table.keys()):
            log.warning("%s: %s.%s is not used", self._place, where, key)

    def _object(self, value: Any, where: str) -> dict[str, Any]:  # noqa: ANN401
        if not isinstance(value, dict):
            self._refuse(where, f"must be an object, not {value!r}")
        return value

    def _list(self, value: Any, where: str) -> list[Any]:  # noqa: ANN401
        if not isinstance(value, list):
            self._refuse(where, f"must be a list, not {value!r}")
        return value

    def _text(self, value: Any, where: str) -> str:  # noqa: ANN401
        if not isinstance(value, str) or not value.strip():
            self._refuse(where, f"must be a text, not {value!r}")
        return value

    def _refuse(self, where: str, what: str) -> NoReturn:
        raise ConfigError(f"{self._place}: {where or 'top level'}: {what}")


def _snake(value: Any) -> Any:  # noqa: ANN401
    """Every key in the one style."""
    if isinstance(value, dict):
        return {
            re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower(): _snake(inner)
            for key, inner in value.items()
        }
    return [_snake(inner) for inner in value] if isinstance(value, list) else value
