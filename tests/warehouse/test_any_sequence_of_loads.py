"""Any sequence of loads, held to a plain-Python model: what counts, loading again, order, abandoned runs, taking a source out."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from carewheel.interop.files import SourceFile
from carewheel.interop.records import AppointmentRecord
from carewheel.warehouse.load import importing
from carewheel.warehouse.sources import remove_source
from carewheel.warehouse.spool import SourceSetting
from carewheel.warehouse.workspace import Workspace

BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
STATES = ("booked", "fulfilled", "noshow", "cancelled")
SOURCES = ("alpha", "beta")


class Row(NamedTuple):
    """A version of a visit: its key, its state, and the hour of the source's own stamp (None: the source has none)."""

    key: str
    state: str
    stamp: int | None


class Load(NamedTuple):
    source: str
    rows: tuple[Row, ...]
    is_abandoned: bool


Facts = dict[tuple[str, str], str]


def load(space: Workspace, step: Load) -> None:
    path = space.root.parent / "file"
    path.write_text("x")
    with importing(space) as run:
        sink = run.sink(f"{step.source} folder", "test", SourceSetting(step.source, "practice", "UTC", "USD"))
        with sink.file(SourceFile(path, "file")) as out:
            for row in step.rows:
                stamp = None if row.stamp is None else BEGAN + timedelta(hours=row.stamp)
                # No appointment id: two sources' visits are never one.
                out.add(
                    AppointmentRecord(
                        row.key,
                        stamp,
                        status=row.state,
                        starts_at=datetime(2025, 3, 3, 9),
                        basis="appointment",
                    )
                )
                out.used()
        if not step.is_abandoned:
            run.commit()


def facts(space: Workspace) -> Facts:
    connection = space.connect()
    try:
        rows = connection.execute("SELECT source, source_id, status FROM appointment").fetchall()
    finally:
        connection.close()
    found = {(source, key): state for source, key, state in rows}
    assert len(found) == len(rows)
    return found


def model(steps: Sequence[Load]) -> Facts:
    """The rules in words: a version known by content counts as seen, unless its own stamp is later than each time it was
    seen; of the versions of a key the one with the latest stamp counts (none is earlier than any), then the last loaded,
    then the last in the file.
    """
    ledger: dict[tuple[str, str], list[tuple[str, int | None]]] = {}
    for step in steps:
        if step.is_abandoned:
            continue
        fresh: dict[tuple[str, str], list[tuple[str, int | None]]] = {}
        for row in step.rows:
            fresh.setdefault((step.source, row.key), []).append((row.state, row.stamp))
        for key, versions in fresh.items():
            seen = ledger.setdefault(key, [])
            new: dict[str, tuple[int, int]] = {}
            for place, (state, stamp) in enumerate(versions):
                is_known = any(s == state and (stamp is None or t is None or t >= stamp) for s, t in seen)
                if not is_known:
                    # Of equal contents in one file the last stamped, then the last written.
                    order = (-1 if stamp is None else stamp, place)
                    new[state] = max(new.get(state, order), order)
            for state, (stamp_order, _) in sorted(new.items(), key=lambda item: item[1][1]):
                seen.append((state, None if stamp_order < 0 else stamp_order))
    result: Facts = {}
    for key, versions in ledger.items():
        best = max(enumerate(versions), key=lambda pair: (-1 if pair[1][1] is None else pair[1][1], pair[0]))
        result[key] = best[1][0]
    return result


def rows(stamps: st.SearchStrategy[int | None]) -> st.SearchStrategy[tuple[Row, ...]]:
    one = st.builds(Row, st.sampled_from("123"), st.sampled_from(STATES), stamps)
    return st.lists(one, min_size=1, max_size=5).map(tuple)


ANY_STAMP = st.one_of(st.none(), st.integers(0, 5))
LOADS = st.lists(
    st.builds(Load, st.sampled_from(SOURCES), rows(ANY_STAMP), st.booleans()), min_size=1, max_size=5
)


def space_in(folder: str) -> Workspace:
    return Workspace(Path(folder) / "space")


@settings(max_examples=15, deadline=None)
@given(LOADS)
def test_what_counts_is_what_the_rules_say_and_loading_again_changes_nothing(steps: list[Load]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        space = space_in(folder)
        for step in steps:
            load(space, step)
        assert facts(space) == model(steps)
        before = facts(space), [load["id"] for load in space.manifest()["loads"]]
        for step in steps:
            load(space, step)
        assert (facts(space), [load["id"] for load in space.manifest()["loads"]]) == before


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(6)), st.lists(st.sampled_from(STATES), min_size=6, max_size=6))
def test_where_stamps_decide_the_order_of_rows_does_not_matter(order: list[int], states: list[str]) -> None:
    versions = [Row("1" if i % 2 else "2", states[i], i) for i in range(6)]
    with tempfile.TemporaryDirectory() as folder:
        space = space_in(folder)
        load(space, Load("alpha", tuple(versions[i] for i in order), False))
        assert facts(space) == {("alpha", "1"): states[5], ("alpha", "2"): states[4]}


@settings(max_examples=10, deadline=None)
@given(LOADS)
def test_a_source_that_is_removed_was_never_there(steps: list[Load]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        space = space_in(folder)
        for step in steps:
            load(space, step)
        if any(step.source == "alpha" and not step.is_abandoned for step in steps):
            remove_source(space, "alpha")
        assert facts(space) == model([step for step in steps if step.source != "alpha"])
        for path in space.root.rglob("*.parquet"):
            assert "alpha" not in {
                row[0] for row in space.connect().execute(f"SELECT source FROM '{path}'").fetchall()
            }
