"""What a request may call by name: routers and models."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from tonewise.api.problems import ApiError
from tonewise.default_models import Model
from tonewise.engines import DEFAULT_ROUTER
from tonewise.plugins import did_you_mean

AUTO = "auto"
OURS = "tonewise/"
THEIRS = "inworld/"
"""Inworld's clients call a router so."""

_TOLD = 12
"""Choices that an error lists."""


def allows(patterns: Sequence[str], asked: str) -> bool:
    """Is a name among patterns, each a name or, with `*` at its end, the beginning of one?

    No patterns allow every name.
    """
    return not patterns or any(
        asked.startswith(one[:-1]) if one.endswith("*") else asked == one for one in patterns
    )


class Names:
    """The routers and models of one configuration.

    Args:
        routers: their names.
        models: as configured.
    """

    def __init__(self, routers: tuple[str, ...], models: tuple[Model, ...]) -> None:
        self.routers, self.models = routers, models
        self._models = {model.name: model.name for model in models}
        self._models |= _aliases(models)

    @property
    def choices(self) -> list[str]:
        """What a request may ask for."""
        routers = [f"{OURS}{name}" for name in self.routers]
        return [AUTO, *routers, *(model.name for model in self.models)]

    def router(self, asked: str) -> str | None:
        """The router that is asked for; None: it is a model's name."""
        if asked == AUTO:
            return DEFAULT_ROUTER
        for prefix in (OURS, THEIRS):
            if asked.startswith(prefix) and asked not in self._models:
                name = asked.removeprefix(prefix)
                if name not in self.routers:
                    raise self._unknown(asked, "model")
                return name
        return None

    def model(self, asked: str, param: str = "model") -> str:
        """The configured name of a model.

        Args:
            asked: that name, or what its provider calls it, alone or behind the provider's name.
            param: the field that it stands in.

        Raises:
            ApiError: there is none.
        """
        if found := self._models.get(asked):
            return found
        raise self._unknown(asked, param)

    def among(self, patterns: tuple[str, ...]) -> tuple[str, ...] | None:
        """The models that may answer a key, whichever router chooses among them; None: all.

        Args:
            patterns: what it may ask for. Where they name routers alone, it may have all models.
        """
        if all(self._names_routers(one) for one in patterns):
            return None
        found = (name for asked, name in self._models.items() if allows(patterns, asked))
        return tuple(dict.fromkeys(found))

    def _names_routers(self, pattern: str) -> bool:
        ours = pattern == AUTO or pattern.startswith((OURS, THEIRS))
        return ours and pattern not in self._models

    def _unknown(self, asked: str, param: str) -> ApiError:
        choices = self.choices
        more = f" and {len(choices) - _TOLD} more" if len(choices) > _TOLD else ""
        shown = asked if len(asked) <= 80 else asked[:79] + "…"
        close = did_you_mean(shown, choices)
        msg = f"there is no model {shown!r} here{close}; choose {', '.join(choices[:_TOLD])}{more}"
        status = 404 if param == "model" else 400
        return ApiError(status, msg, code="model_not_found", param=param)


def _aliases(models: tuple[Model, ...]) -> Mapping[str, str]:
    """What providers call the models, where that tells one from the others."""
    known: dict[str, list[str]] = {}
    for model in models:
        theirs = model.options.get("model")
        if isinstance(theirs, str):
            for alias in (theirs, f"{_provider(model)}/{theirs}"):
                known.setdefault(alias, []).append(model.name)
    own = {model.name for model in models}
    return {
        alias: names[0] for alias, names in known.items() if len(names) == 1 and alias not in own
    }


def _provider(model: Model) -> str:
    """As in `openai/gpt-5.4`: the engine's name, or the middle of the host's."""
    if model.use != "openai_compatible":
        return model.use
    host = urlsplit(str(model.options.get("base_url") or "https://api.openai.com")).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host.split(".")[-2] if "." in host else host
    return model.use
