"""The numbers of the invented world, each with its source or the word "assumed"; see ``data/world.toml``."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any


@lru_cache(maxsize=1)
def parameter_table() -> dict[str, dict[str, dict[str, Any]]]:
    """Section, name → value and source, as written.

    >>> parameter_table()["voices"]["invited_share"]["source"]
    'assumed: kept visits that get an invitation'
    """
    text = files("carewheel.invented").joinpath("data", "world.toml").read_text("utf-8")
    return {section: rows for section, rows in tomllib.loads(text).items() if section != "plays"}


@lru_cache(maxsize=1)
def parameters() -> dict[str, Any]:
    """Values by "section.name".

    >>> parameters()["access.service_cv"]
    0.457
    """
    return {
        f"{section}.{name}": row["value"]
        for section, rows in parameter_table().items()
        for name, row in rows.items()
    }


@lru_cache(maxsize=1)
def play_effects() -> dict[str, dict[str, float]]:
    """What each play of the catalog does in this world, by mechanism.

    >>> play_effects()["Q2"]
    {'no_show': 0.66}
    """
    text = files("carewheel.invented").joinpath("data", "world.toml").read_text("utf-8")
    plays: dict[str, dict[str, float]] = tomllib.loads(text)["plays"]
    return plays
