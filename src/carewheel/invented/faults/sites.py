"""The exports of one place while faults are planted: its files, what is chosen, and what has its fault already."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import orjson

from carewheel.invented.draws import Draws

T = TypeVar("T")
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Planted:
    """What was planted in one file (path within the place's folder): the keys of what it concerns."""

    file: str
    keys: tuple[str, ...]


@dataclass
class Site:
    """One place's exports. ``taken``: what has a fault already, as "file key", so that two faults never meet in one row."""

    folder: Path
    location_id: str
    seed: int
    taken: set[str] = field(default_factory=set)

    def choose(self, kind: str, items: Sequence[T], share: float) -> list[T]:
        """That share of the items, one at least (none of none), in their order; the same ones for the same seed."""
        if not items:
            return []
        stream = Draws(self.seed, self.location_id).stream(f"fault {kind}")
        count = min(len(items), max(1, round(share * len(items))))
        return [items[i] for i in sorted(stream.choice(len(items), count, replace=False).tolist())]

    def free(self, what: str, key: str) -> bool:
        """Whether the row ``key`` of ``what`` has no fault yet."""
        return f"{what} {key}" not in self.taken

    def take(self, what: str, keys: Iterable[str]) -> None:
        """Remember that these rows have their fault."""
        self.taken.update(f"{what} {key}" for key in keys)

    def has(self, file: str) -> bool:
        """Whether the place exports the file."""
        return (self.folder / file).exists()

    def names(self, pattern: str) -> list[str]:
        """The files of a pattern, without those that were copied or had a fault as a whole."""
        found = sorted(path.relative_to(self.folder).as_posix() for path in self.folder.glob(pattern))
        return [name for name in found if self.free("file", name)]

    def rows(self, file: str) -> list[Row]:
        """The rows of a CSV by column."""
        with (self.folder / file).open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def put_rows(self, file: str, rows: Sequence[Row]) -> None:
        """Write a CSV as the exports write it; the columns are those of the first row."""
        with (self.folder / file).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def resources(self, kind: str) -> list[dict[str, Any]]:
        """The resources of a FHIR type."""
        return [
            orjson.loads(line) for line in (self.folder / f"fhir/{kind}.ndjson").read_bytes().splitlines()
        ]

    def put_resources(self, kind: str, resources: Iterable[dict[str, Any]]) -> None:
        """Write the resources of a FHIR type."""
        (self.folder / f"fhir/{kind}.ndjson").write_bytes(
            b"".join(orjson.dumps(one) + b"\n" for one in resources)
        )

    def text(self, file: str) -> str:
        """A file as it is, line ends included."""
        return (self.folder / file).read_bytes().decode("utf-8")

    def put_text(self, file: str, text: str, encoding: str = "utf-8") -> None:
        """Write a file as it is given."""
        (self.folder / file).write_bytes(text.encode(encoding))


def highest(rows: Iterable[Row], key: str) -> int:
    """The highest number in a key column, 0 for no row."""
    return max((int(row[key]) for row in rows), default=0)
