"""A file name is a plug-in name, and the folder is the registry.

`stt/moonshine.py` with a function `load(**options)` is the STT engine `moonshine`. Nothing else
registers it. Any other module that can be imported is the user's own: `use = "my_package.my_stt"`,
or `use = "my_stt"` where its file defines `load`.
"""

import ast
import difflib
import importlib
import importlib.util
import inspect
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from tonewise.errors import ConfigError, PluginError, TonewiseError

_PACKAGE = Path(__file__).parent
_MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def names(stage: str) -> list[str]:
    """The engines in a stage's folder, in alphabetical order, without importing them."""
    return list(_names(stage))


@cache
def _names(stage: str) -> tuple[str, ...]:
    """Every file of the folder is parsed, and asked for once per model: once is enough."""
    paths = sorted((_PACKAGE / stage).glob("*.py"))
    return tuple(path.stem for path in paths if _defines_load(path))


def load(stage: str, use: str, options: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - each stage has its type
    """The engine `use` of a stage, made by its `load(**options)`.

    Raises:
        PluginError: there is no such engine, or a package that it needs is missing.
        ConfigError: an option that it does not know, or needs and is not given.
    """
    module = _module(stage, use)
    accepted = inspect.signature(module.load).parameters
    anything = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    unknown = [key for key in options or {} if key not in accepted]
    if unknown and not anything:
        msg = f"{stage} {use!r} has no option {unknown[0]!r}; it has: {_listed(accepted)}"
        raise ConfigError(msg)
    for key, option in accepted.items():
        if (
            option.default is option.empty
            and option.kind not in _MANY
            and key not in (options or {})
        ):
            msg = f"{stage} {use!r} needs the option {key!r}"
            raise ConfigError(msg)
    try:
        return module.load(**(options or {}))
    except TonewiseError:
        raise
    except Exception as error:
        if use in names(stage):
            raise
        what = f"{type(error).__name__}: {error}"
        raise PluginError(f"{stage} {use!r}: its load() failed: {what}") from error


def accepted_options(stage: str, use: str) -> list[str]:
    """The options that an engine's `load` knows.

    Raises:
        PluginError: there is no such engine, or a package that it needs is missing.
    """
    return list(inspect.signature(_module(stage, use).load).parameters)


def did_you_mean(wrong: str, choices: list[str]) -> str:
    """` (did you mean 'x'?)`, where a choice is close enough; else nothing."""
    close = difflib.get_close_matches(wrong, choices, n=1)
    if not close and len(wrong) > 3:  # as in 'openai' for 'openai_compatible'
        close = [choice for choice in choices if wrong in choice]
    return f" (did you mean {close[0]!r}?)" if close else ""


def missing(stage: str, use: str) -> str:
    """What to tell where neither the folder nor the user has an engine `use`; else nothing.

    A module of the user's own is not imported for it.
    """
    if "." in use or use in names(stage) or _is_own(use):
        return ""
    choices = names(stage)
    return (
        f"there is no {stage} {use!r}{did_you_mean(use, choices)}; choose one of "
        f"{_listed(choices)}, or name a module of your own, as in 'my_{stage}' or "
        f"'my_package.my_{stage}'; PYTHONPATH=. finds those that lie here"
    )


def _is_own(use: str) -> bool:
    """Is there such a module, with a `load`? Many a package is called as an engine might be."""
    if not use.isidentifier():
        return False
    found = importlib.util.find_spec(use)
    place = Path(found.origin) if found and found.has_location and found.origin else None
    try:
        return place is not None and place.suffix == ".py" and _defines_load(place)
    except SyntaxError:  # told of where it is imported
        return True


def _module(stage: str, use: str) -> ModuleType:
    if why := missing(stage, use):
        raise PluginError(why)
    own = use in names(stage)
    if not all(part.isidentifier() for part in use.split(".")):
        raise PluginError(f"{stage} {use!r}: write a module's name, as in 'my_package.my_{stage}'")
    try:
        module = importlib.import_module(f"tonewise.{stage}.{use}" if own else use)
    except ModuleNotFoundError as error:
        raise PluginError(_missing(stage, use, error)) from error
    except ImportError as error:  # as where a library's own libraries are missing
        raise PluginError(f"{stage} {use!r} cannot be imported: {error}") from error
    except Exception as error:
        if own:
            raise
        what = f"{type(error).__name__}: {error}"
        raise PluginError(f"{stage} {use!r} cannot be imported: {what}") from error
    if not callable(getattr(module, "load", None)):
        msg = f"{stage} {use!r} has no function load(**options)"
        raise PluginError(msg)
    return module


def _missing(stage: str, use: str, error: ModuleNotFoundError) -> str:
    if error.name == use or use.startswith(f"{error.name}."):
        return f"{stage} {use!r}: no module {error.name!r} can be imported"
    return (
        f"{stage} {use!r} needs {error.name!r}, which is not installed; "
        "python -m pip install 'tonewise[all]' brings every optional part"
    )


def _defines_load(path: Path) -> bool:
    tree = ast.parse(path.read_bytes())
    return any(isinstance(node, ast.FunctionDef) and node.name == "load" for node in tree.body)


def _listed(items: Iterable[str]) -> str:
    return ", ".join(items) or "none"
