"""Reading the dictionary's own data files, which lie beside this module in ``data/``."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any


class DictionaryError(ValueError):
    """The dictionary's own data contradict themselves: a bug in a data file, never bad input."""


def load(name: str) -> dict[str, Any]:
    """The content of ``data/<name>`` (TOML).

    >>> sorted(load("facts.toml"))
    ['precedence', 'tables']
    """
    return tomllib.loads(text(name))


def text(name: str) -> str:
    """The content of ``data/<name>`` as text."""
    return files("carewheel.catalog").joinpath("data", name).read_text("utf-8")
