"""Invented groups for the validation of what learns from them: made once, measured once, kept in a folder to go on from.

A group of a seed has its strengths drawn from the catalog's priors, and each law is broken with the catalog's chance of that: so
the groups are what the priors say the world is like, and intervals must cover as often as they say.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from carewheel.catalog.links import chance_absent, links
from carewheel.invented.demo import Order, make_demo
from carewheel.invented.group import Group
from carewheel.warehouse.adoption import adopt_facts
from carewheel.warehouse.measures import DuckDbEngine
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.measured import Measured, measure_all

FIRST_SEED = 20_001
MONTHS = 36
LAWS = tuple(link.id for link in links().values() if link.kind == "law")


@dataclass(frozen=True)
class DemoGroup:
    """A group as its facts tell it, and what is true of it: strengths of all links, 0 where broken."""

    seed: int
    places: int
    measured: list[Measured]
    strengths: dict[str, float]


def group_of(seed: int, places: int, months: int = MONTHS) -> Group:
    """The invented group of a seed, with the laws that are broken in it."""
    uniforms = np.random.default_rng([seed, 41]).random(len(LAWS))
    broken = {law: 0.0 for law, u in zip(LAWS, uniforms, strict=True) if u < chance_absent()}
    return Group(seed=seed, locations=places, months=months, weaken=broken)


def demo_group(seed: int, places: int, folder: Path | None = None, months: int = MONTHS) -> DemoGroup:
    """The group of a seed, made and measured, or as it was kept in ``folder``."""
    kept = None if folder is None else folder / f"{places}x{months}" / f"{seed}.pickle"
    if kept is not None and kept.exists():
        found: DemoGroup = pickle.loads(kept.read_bytes())
        return found
    group = group_of(seed, places, months)
    with tempfile.TemporaryDirectory() as root:
        work = Path(root) / "demo"
        make_demo(Order(group, work, writes="facts"))
        workspace = Workspace(work)
        adopt_facts(workspace, work / "facts", source="invented", invented=True)
        connection = workspace.connect(["invented"])
        try:
            measured = measure_all(DuckDbEngine(connection), group.last_date, foreseen=False)
        finally:
            connection.close()
    strengths = {name: value * group.weaken.get(name, 1.0) for name, value in group.strengths.items()}
    made = DemoGroup(seed, places, measured, strengths)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        temporary = kept.with_name(f"{kept.name}.{os.getpid()}")
        temporary.write_bytes(pickle.dumps(made))
        temporary.replace(kept)
    return made


def kept_in() -> Path | None:
    """The folder in which groups and answers are kept, if one is named."""
    named = os.environ.get("CAREWHEEL_VALIDATION_ANSWERS")
    return Path(named) if named else None


def last_day() -> date:
    return Group(seed=1, locations=1, months=MONTHS).last_date
