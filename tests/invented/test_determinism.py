"""Same seed, same bytes: whatever the number of processes, and whether the demo was interrupted or not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
import orjson
import pytest
from tests.invented.worlds import WORLDS, live, lived

from carewheel.invented import demo
from carewheel.invented.demo import Order, make_demo
from carewheel.invented.group import DemoRefused, Group, PlannedPlay

GROUP = Group(7, 3, 6, weaken={"C4-C1": 0.5}, plays=(PlannedPlay("Q2", 2, (2,)),))


def order(folder: Path, **changed: object) -> Order:
    return replace(Order(GROUP, folder, truth="none", writes="facts"), **changed)  # type: ignore[arg-type]


def digests(folder: Path) -> dict[str, str]:
    """Path → digest of every file."""
    return {
        path.relative_to(folder).as_posix(): blake2b(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("demo") / "one"
    make_demo(order(folder))
    return digests(folder)


@pytest.mark.parametrize(("seed", "number"), [(1, 1), (4, 2)])
def test_the_same_seed_gives_the_same_book(seed: int, number: int) -> None:
    one, other = lived(seed, number), live(WORLDS[seed], number)
    assert one.book.location == other.book.location
    for name, table in one.book.tables.items():
        for column, values in table.items():
            assert values.dtype == other.book[name][column].dtype
            assert values.tobytes() == other.book[name][column].tobytes(), (name, column)
    assert one.tally.as_lists() == other.tally.as_lists()
    assert one.net_cash == other.net_cash


def test_a_place_does_not_depend_on_how_many_others_there_are() -> None:
    alone, among = live(replace(WORLDS[1], locations=1), 1), lived(1, 1)
    for name, table in alone.book.tables.items():
        for column, values in table.items():
            assert values.tobytes() == among.book[name][column].tobytes(), (name, column)


def test_another_seed_differs() -> None:
    one, other = lived(1, 1), live(replace(WORLDS[1], seed=11), 1)
    for name in ("patient", "visit", "line", "answer", "staff"):
        column = list(one.book[name])[2]
        assert not np.array_equal(one.book[name][column], other.book[name][column]), name


def test_two_processes_write_what_one_writes(made: dict[str, str], tmp_path: Path) -> None:
    make_demo(order(tmp_path / "two", workers=2))
    assert len(made) > 60
    assert {"truth.json", "README.md", "facts/appointment/loc3.parquet"} <= set(made)
    assert digests(tmp_path / "two") == made


def test_truths_of_single_people_are_the_same_bytes_too(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        for number in (1, 2):
            demo._make_place((order(_begun(folder), truth="full"), number))
    assert digests(folders[0]) == digests(folders[1])
    assert "truth/patients/loc2.parquet" in digests(folders[0])


def _begun(folder: Path) -> Path:
    (folder / demo.PROGRESS).mkdir(parents=True, exist_ok=True)
    return folder


def test_an_interrupted_demo_goes_on_to_the_same_bytes(made: dict[str, str], tmp_path: Path) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(done: int) -> None:
        if done == 1:
            raise Interrupted

    folder = tmp_path / "demo"
    with pytest.raises(Interrupted):
        make_demo(order(folder), interrupt)
    # As if it had been killed in the middle of the second place.
    begun = folder / "facts" / "appointment" / "loc2.parquet"
    begun.write_bytes(b"half a file")
    (folder / demo.PROGRESS / "loc2.json.new").write_bytes(b"{")
    heard: list[int] = []
    make_demo(order(folder), heard.append)
    assert heard == [1, 2, 3]
    assert digests(folder) == made


def test_a_killed_demo_goes_on_to_the_same_bytes(made: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    code = (
        "from pathlib import Path\n"
        "from tests.invented.test_determinism import order\n"
        "from carewheel.invented.demo import make_demo\n"
        f"make_demo(order(Path({str(folder)!r})))\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, start_new_session=True) as running:
        until = time.monotonic() + 60
        while not (folder / demo.PROGRESS / "loc1.json").exists() and time.monotonic() < until:
            time.sleep(0.002)
        os.kill(running.pid, signal.SIGKILL)
    assert not (folder / "truth.json").exists(), "it was killed too late for this test to mean anything"
    make_demo(order(folder))
    assert digests(folder) == made


@pytest.mark.parametrize("left", ["settings", "nothing"])
def test_a_demo_killed_at_its_first_or_last_breath_can_be_asked_for_again(
    made: dict[str, str], tmp_path: Path, left: str
) -> None:
    folder = tmp_path / "demo"
    make_demo(order(folder))
    (folder / demo.PROGRESS).mkdir()
    if left == "settings":
        # All places are done and forgotten, the truth is written, the settings still stand.
        (folder / demo.PROGRESS / "settings.json").write_bytes(
            orjson.dumps(demo._settings(order(folder)), option=orjson.OPT_INDENT_2)
        )
        make_demo(order(folder))
        assert digests(folder) == made
    else:
        first = tmp_path / "first"
        (first / demo.PROGRESS).mkdir(parents=True)
        (first / "README.md").write_text("half")
        make_demo(order(first))
        assert digests(first) == made


def test_a_folder_that_holds_anything_else_is_refused(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("kept")
    with pytest.raises(DemoRefused) as refused:
        make_demo(order(tmp_path))
    assert (refused.value.code, mine.read_text()) == ("demo.folder", "kept")
    with pytest.raises(DemoRefused) as refused:
        make_demo(order(mine))
    assert refused.value.code == "demo.folder"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_readme_alone_is_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(DemoRefused):
        make_demo(order(tmp_path))
    assert (tmp_path / "README.md").read_text() == "mine"


def test_an_unfinished_demo_asked_for_otherwise_is_refused(tmp_path: Path) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(done: int) -> None:
        if done == 1:
            raise Interrupted

    with pytest.raises(Interrupted):
        make_demo(order(tmp_path), interrupt)
    with pytest.raises(DemoRefused) as refused:
        make_demo(replace(order(tmp_path), group=replace(GROUP, seed=8)))
    assert refused.value.code == "demo.other"
