"""The latest turn of a workspace, for whoever looks at it on a screen: read from its `wheel.json`, never worked out anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from carewheel.catalog.measures import MeasureCard, measures
from carewheel.warehouse.workspace import Workspace, WorkspaceRefused
from carewheel.wheel.report import INTERVAL_WORDS, practice_view

DOCUMENT, REPORT = "wheel.json", "report.html"
# What the access page shows, in this order.
ACCESS = (
    "operations.third_next_available",
    "operations.wait_minutes",
    "operations.utilisation",
    "operations.no_show_rate",
    "operations.late_cancel_rate",
    "operations.kept_visits",
)


@dataclass(frozen=True, slots=True)
class Turned:
    """A turn that was made. ``view``: its main practice as pages show it; ``folder``: where its files lie."""

    document: Mapping[str, Any]
    view: Mapping[str, Any]
    folder: Path

    @property
    def as_of(self) -> date:
        return date.fromisoformat(self.document["as_of"])

    def measure(self, measure_id: str) -> Mapping[str, Any] | None:
        """One measure of the document; None where the catalog has none of that name."""
        return next((m for m in self.document["measures"] if m["id"] == measure_id), None)

    def of_places(self, places: Collection[str]) -> list[Mapping[str, Any]]:
        """The measures with what they say of some locations alone: nothing of the whole group, its months or its other places."""
        return [_of_places(m, places) for m in self.document["measures"]]

    def place_name(self, location: str) -> str:
        """The name of a location of the facts."""
        return self.document["locations"].get(location) or location or "no place named"


def _of_places(m: Mapping[str, Any], places: Collection[str]) -> Mapping[str, Any]:
    kept = [row for row in m["by_location"] if row["location"] in places]
    silent: dict[str, Any] = {
        "value": None,
        "low": None,
        "high": None,
        "n": 0,
        "status": "",
        "monthly": [],
        "rows": [],
        "findings": [],
        "why": "",
    }
    return {**m, **silent, "trend_per_year": None, "relative_trend_per_year": None, "by_location": kept}


def latest_turn(workspace: Workspace) -> Turned | None:
    """The turn with the latest as-of date; None where none was made yet. Read once, and again when its file changes."""
    folders = sorted((workspace.root / "turns").glob(f"????-??-??/{DOCUMENT}"))
    if not folders:
        return None
    stat = folders[-1].stat()
    return _read(folders[-1], stat.st_mtime_ns, stat.st_size)


def access_measures(turned: Turned) -> list[Mapping[str, Any]]:
    """What the turn says about access to care, in the order in which it is shown."""
    return [m for m in (turned.measure(name) for name in ACCESS) if m is not None]


def card_of(measure_id: str) -> tuple[MeasureCard, str] | None:
    """How a measure is counted, and its interval in words; None for a name that the catalog does not have."""
    card = measures().get(measure_id)
    return (card, INTERVAL_WORDS[card.interval]) if card else None


def sources_of(workspace: Workspace) -> list[Mapping[str, Any]]:
    """What was read into the workspace, source by source, with findings and tie-out; empty before the first import."""
    try:
        return list(workspace.manifest()["sources"].values())
    except WorkspaceRefused:
        return []


@lru_cache(maxsize=2)
def _read(path: Path, changed: int, size: int) -> Turned:
    document = orjson.loads(path.read_bytes())
    return Turned(document, practice_view(document), path.parent)
