"""The optional packages of this room, imported only when they are used."""

from __future__ import annotations

import importlib
from typing import Any

from carewheel.science.refusal import CannotTell

# Which extra of the package brings which module.
EXTRAS = {"lightgbm": "learn", "sklearn": "learn", "statsforecast": "forecast", "numba": "speed"}


def module(name: str, otherwise: str = "") -> Any:
    """The optional module ``name``. Raises `CannotTell` with the command that brings it; ``otherwise`` says what works without.

    >>> module("a_package_that_nobody_has")
    Traceback (most recent call last):
    carewheel.science.refusal.CannotTell: missing-extra (package a_package_that_nobody_has): pip install a_package_that_nobody_has
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        extra = EXTRAS.get(name)
        remedy = f"pip install 'carewheel[{extra}]'" if extra else f"pip install {name}"
        raise CannotTell(
            "missing-extra", {"package": name}, remedy + (f", or {otherwise}" if otherwise else "")
        ) from error
