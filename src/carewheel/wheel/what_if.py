"""Questions of what would be if plays were put to work or free cash were spent otherwise, and the answers that are kept in the workspace.

An answer belongs to one state of the facts and one turn: after the next one the same question is another. Answers can be worked out again at any
time, so only the latest are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from carewheel.warehouse.workspace import Workspace, write_whole

SCHEMA_VERSION = 1
MOST_KEPT = 50


@dataclass(frozen=True, slots=True)
class Question:
    """``plays`` that are put to work now; ``months`` ahead; ``policy``: shares of free cash (-1 to 1) by part, on top of what goes there now."""

    plays: tuple[str, ...] = ()
    months: int = 24
    policy: Mapping[str, float] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """For files and jobs; the same for whatever asks the same.

        >>> Question(("Q2", "F2", "Q2"), 12, {"staff": 0.0, "marketing": 0.1}).plain()
        {'plays': ['F2', 'Q2'], 'months': 12, 'policy': {'marketing': 0.1}}
        """
        shares = {part: share for part, share in sorted(self.policy.items()) if share}
        return {"plays": sorted(set(self.plays)), "months": self.months, "policy": shares}


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a workspace, by the mark of their question."""

    workspace: Workspace

    @property
    def folder(self) -> Path:
        return self.workspace.root / "what-if"

    def mark(self, question: Question, as_of: date, turn: Path) -> str:
        """Tells a question at a state of the facts, and after the turn whose ``wheel.json`` is ``turn``, from every other."""
        facts = self.workspace.manifest_path
        state = [facts.stat().st_mtime_ns if facts.exists() else 0, turn.stat().st_mtime_ns]
        asked = orjson.dumps([question.plain(), as_of, state], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(asked).hexdigest()[:32]

    def answer(self, mark: str) -> dict[str, Any] | None:
        """None where there is none, or it cannot be read: then it is asked anew."""
        try:
            found = orjson.loads(self._file(mark).read_bytes())
            if found["schema_version"] == SCHEMA_VERSION:
                return dict(found)
        except (OSError, orjson.JSONDecodeError, TypeError, KeyError):
            pass
        return None

    def keep(self, mark: str, found: Mapping[str, Any]) -> None:
        """Keep an answer, and forget the oldest beyond the latest fifty."""
        self.folder.mkdir(exist_ok=True)
        write_whole(self._file(mark), orjson.dumps({"schema_version": SCHEMA_VERSION, **found}))
        kept = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in kept[MOST_KEPT:]:
            path.unlink(missing_ok=True)

    def _file(self, mark: str) -> Path:
        return self.folder / f"{mark}.json"
