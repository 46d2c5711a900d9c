"""`carewheel demo` as a shell sees it: refusals in one line, the next command, and facts that are adopted whatever happens."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from tests.forked import carewheel

from carewheel.cli import demo as command
from carewheel.invented.demo import PROGRESS, Order, make_demo
from carewheel.invented.group import Group

RUN = [sys.executable, "-c", "from carewheel.cli import main; main()"]
SMALL = ("--locations", "1", "--months", "3")


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = carewheel(words, folder, environment)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    ("words", "saying"),
    [
        ("--workers -3", "no negative number of processes"),
        ("--until 9999-12-31", "a year from 2015 to 2099"),
        ("--until 0001-12-31", "a year from 2015 to 2099"),
        ("--seed 100000000000000000000000000", "more than 15 digits"),
        ("--break C4-C1 --weaken C4-C1=.5", "say it once"),
        ("--weaken C4-C1=.2 --weaken C4-C1=.5", "say it once"),
        ("--weaken C4-C1=nan", "a factor from 0 to 1"),
        ("--weaken =.5", "There is no link"),
        ("--play Q2@2025-11 --play Q2@2025-12:loc1", "asked for twice at loc1"),
        ("--play Q2@2025-13", "outside the window"),
        ("--faults real --write facts", "facts have none"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(words: str, saying: str, tmp_path: Path) -> None:
    done = run(tmp_path, "demo", "group", *SMALL, *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert saying in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writes", ["exports", "facts"])
def test_the_next_command_can_be_pasted(writes: str, tmp_path: Path) -> None:
    done = run(tmp_path, "demo", "it's my group", *SMALL, "--write", writes)
    assert done.returncode == 0, done.stderr
    words = shlex.split(done.stdout.splitlines()[-1])
    assert words[:2] == ["carewheel", "turn"]
    space = Path(words[words.index("--workspace") + 1])
    if writes == "exports":
        assert (tmp_path / words[2]).is_dir()
        assert space.parent == Path("it's my group")
    else:
        assert (tmp_path / space / "manifest.json").exists()
    note = (tmp_path / "it's my group" / "README.md").read_text()
    assert "Everything in this folder is invented" in note
    assert ("exports/" in note) == (writes == "exports")


def test_truth_tells_what_was_asked_for(tmp_path: Path) -> None:
    asked = "--break C1-C2a --weaken C4-C1=.5 --play Q2@2025-11:loc2 --faults real --dental-share 1 --json"
    done = run(tmp_path, "demo", "group", "--locations", "2", "--months", "3", *asked.split())
    truth = orjson.loads(done.stdout)
    assert truth == orjson.loads((tmp_path / "group" / "truth.json").read_bytes())
    assert truth["invented"] is True
    assert truth["settings"] == {
        "seed": 7, "locations": 2, "months": 3, "dental_share": 1.0, "weaken": {"C1-C2a": 0.0, "C4-C1": 0.5},
        "plays": [{"play": "Q2", "month": 1, "locations": [2]}], "until": "2025-12-31",
        "faults": "real", "writes": "exports", "truth": "none",
    }  # fmt: skip
    assert [truth["links"][name]["weakened_to"] for name in ("C1-C2a", "C4-C1", "C3-C1")] == [0.0, 0.5, 1.0]
    assert {place["kind"] for place in truth["locations"]} == {"dental"}
    assert {fault["location"] for fault in truth["faults"]} == {"loc1", "loc2"}
    assert (truth["first_date"], truth["last_date"]) == ("2025-10-01", "2025-12-31")
    slow = truth["shocks"]["slow_payer"]
    assert "2025-10-01" <= slow["first_day"] < slow["last_day"]
    changed = [
        sum(1 for _ in path.open()) for path in sorted(tmp_path.glob("group/exports/*/tables/changes.csv"))
    ]
    assert changed == [2], "the play is a change at loc2, and nowhere else"


def test_neither_clock_nor_language_nor_hashing_moves_a_byte(tmp_path: Path) -> None:
    for name, environment in (
        ("one", {"TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONHASHSEED": "1", "PYTHONUTF8": "0"}),
        (
            "two",
            {"TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "2", "HOME": "/nowhere"},
        ),
    ):
        done = run(
            tmp_path, "demo", name, "--locations", "2", "--months", "3", "--faults", "harsh", **environment
        )
        assert done.returncode == 0, done.stderr
    assert files(tmp_path / "one") == files(tmp_path / "two")


@pytest.mark.parametrize("killed", ["before the adoption", "within it", "after it"])
def test_facts_are_adopted_once_wherever_it_was_interrupted(
    killed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = make(Path("group"))
    shutil.rmtree("group")

    class Killed(BaseException):
        pass

    def interrupted(folder: Path) -> None:
        if killed == "within it":
            # As `adopt_facts` leaves it when it dies between the move and the manifest.
            (folder / "current").mkdir()
            (folder / "facts").rename(folder / "current" / "1")
        if killed == "after it":
            command._adopt(folder)
        raise Killed

    with pytest.raises(Killed):
        make_demo(order(Path("group")), adopt=interrupted)
    assert Path("group", PROGRESS).is_dir()
    assert make(Path("group")) == whole
    manifest = orjson.loads(whole["manifest.json"])
    assert manifest["current"]
    assert manifest["invented"] is True


def order(folder: Path) -> Order:
    return Order(Group(7, 1, 3), folder, writes="facts")


def make(folder: Path) -> dict[str, bytes]:
    make_demo(order(folder), adopt=command._adopt)
    return files(folder)
