"""Where `models/` and `web/` are: beside the source in a checkout, in the package in a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parents[1]


def folder(name: str) -> Path:
    """The folder `models` or `web`.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    for place in (_PACKAGE / name, _CHECKOUT / name):
        if place.is_dir():
            return place
    msg = f"{name}/ is neither in {_PACKAGE} nor in {_CHECKOUT}: is tonewise installed completely?"
    raise FileNotFoundError(msg)
