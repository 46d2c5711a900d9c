"""Where plans are kept: one file of JSON lines for each, in the workspace's folder ``plans``. Lines are added, never changed.

Each line is sealed with a hash of itself and of the line before it, so that one that was changed or taken out shows. A file is replaced by an
atomic rename under the workspace's lock: whoever reads sees all of a step or none of it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.plans.plan import STEPS, Plan, Step, damaged, plan_of
from carewheel.wheel.plans.refusals import PlanRefused

SCHEMA_VERSION = 1
CHANGES = "change-"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,60}")
# What was found of a change that nobody had planned is kept beside the plans, with one kind of line.
JUDGED = "judged"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The plans of a workspace."""

    workspace: Workspace

    @property
    def folder(self) -> Path:
        return self.workspace.root / "plans"

    def plans(self, as_of: date | None = None) -> list[Plan]:
        """Every plan as it stood at the end of ``as_of`` (None: as it stands), by id. Raises `PlanRefused` (``plan.damaged``,
        ``plan.version``)."""
        found = []
        for name in self._names():
            if not name.startswith(CHANGES):
                steps = self.steps(name)
                plan_of(name, steps)  # a line that spoils the file does not hide behind its date
                known = [step for step in steps if as_of is None or step.on <= as_of]
                if known:
                    found.append(plan_of(name, known))
        return found

    def plan(self, name: str) -> Plan:
        """One plan. Raises `PlanRefused`: ``plan.unknown``, ``plan.damaged``, ``plan.version``."""
        steps = self.steps(name) if _NAME.fullmatch(name) and not name.startswith(CHANGES) else ()
        if not steps:
            known = ", ".join(n for n in self._names() if not n.startswith(CHANGES)) or "none yet"
            raise PlanRefused("plan.unknown", f"There is no plan {name!r}.", f"There are: {known}.")
        return plan_of(name, steps)

    def judged(self, as_of: date | None = None) -> dict[str, Step]:
        """The last verdict on each change that nobody had planned, by the name it is kept under."""
        found = {}
        for name in self._names():
            if name.startswith(CHANGES):
                known = [step for step in self.steps(name) if as_of is None or step.on <= as_of]
                if known:
                    found[name] = known[-1]
        return found

    def steps(self, name: str) -> tuple[Step, ...]:
        """The lines of one file in order, () where there is none."""
        return tuple(_step(name, row) for row in self._rows(name))

    def add(self, name: str, decide: Callable[[tuple[Step, ...]], Step | None]) -> tuple[Step, ...]:
        """Under the lock: read the steps, let ``decide`` refuse or give the next one (None: nothing to add), and write it.

        Raises what ``decide`` raises, and `WorkspaceRefused` (``workspace.busy``) while another process writes.
        """
        with self.workspace.writing():
            lines = self._lines(name)
            steps = self.steps(name)
            step = decide(steps)
            if step is None:
                return steps
            self._write(name, [*lines, _line(step, lines)])
            return (*steps, step)

    def create(self, wanted: str, make: Callable[[list[Plan]], Step]) -> Plan:
        """Under the lock: a new plan called ``wanted``, or ``wanted-2`` and so on where that is taken."""
        with self.workspace.writing():
            step = make(self.plans())
            name, number = wanted, 1
            while (self.folder / f"{name}.jsonl").exists():
                number += 1
                name = f"{wanted}-{number}"
            self._write(name, [_line(step, [])])
        return plan_of(name, (step,))

    def _names(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.jsonl") if _NAME.fullmatch(path.stem))

    def _lines(self, name: str) -> list[bytes]:
        try:
            content = (self.folder / f"{name}.jsonl").read_bytes()
        except FileNotFoundError:
            return []
        if not content.endswith(b"\n"):
            raise damaged(name)
        return content.splitlines()

    def _rows(self, name: str) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = []
        before = ""
        for number, line in enumerate(self._lines(name), 1):
            try:
                row = orjson.loads(line)
                version = row["schema_version"]
                row.get("seal")
            except (orjson.JSONDecodeError, TypeError, KeyError, AttributeError) as error:
                raise damaged(name) from error
            if version != SCHEMA_VERSION:
                raise PlanRefused(
                    "plan.version",
                    f"The plan {name} has version {version}; this CareWheel writes {SCHEMA_VERSION}.",
                    "Use the CareWheel that wrote it.",
                )
            seal = row.pop("seal", None)
            if row.get("number") != number or row.get("before") != before or seal != _seal(row):
                raise damaged(name)
            rows.append(row)
            before = seal
        return rows

    def _write(self, name: str, lines: list[bytes]) -> None:
        self.folder.mkdir(exist_ok=True)
        temporary = self.folder / f"{name}.jsonl.new"
        with temporary.open("wb") as stream:
            stream.write(b"".join(line + b"\n" for line in lines))
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self.folder / f"{name}.jsonl")


def _line(step: Step, lines: list[bytes]) -> bytes:
    row = {
        "schema_version": SCHEMA_VERSION, "number": len(lines) + 1,
        "before": orjson.loads(lines[-1])["seal"] if lines else "",
        "step": step.kind, "on": step.on.isoformat(), "recorded_on": step.recorded_on.isoformat(), "content": step.content,
    }  # fmt: skip
    return orjson.dumps({**row, "seal": _seal(row)})


def _step(name: str, row: Mapping[str, Any]) -> Step:
    try:
        if row["step"] not in STEPS and not (row["step"] == JUDGED and name.startswith(CHANGES)):
            raise ValueError("no such step")
        if not isinstance(row["content"], dict):
            raise TypeError("content is a table")
        return Step(
            row["step"], date.fromisoformat(row["on"]), date.fromisoformat(row["recorded_on"]), row["content"]
        )
    except (ValueError, TypeError, KeyError) as error:
        raise damaged(name) from error


def _seal(row: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(row)).hexdigest()
