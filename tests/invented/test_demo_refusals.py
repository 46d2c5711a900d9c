"""What a demo refuses, before it leaves anything behind; and that what it does not refuse works."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from carewheel.invented import demo
from carewheel.invented.demo import Order, make_demo
from carewheel.invented.group import YEARS, DemoRefused, Group, PlannedPlay
from carewheel.invented.parameters import parameters

SMALL = Group(7, 2, 3)


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("demo.until", {"until": date(1, 12, 31)}),
        ("demo.until", {"until": date(2014, 12, 31)}),
        ("demo.until", {"until": date(2100, 1, 31)}),
        ("demo.until", {"until": date.max}),
        ("demo.until", {"until": date(2025, 12, 30)}),
        ("demo.seed", {"seed": 10**26}),
        ("demo.seed", {"seed": -(2**53)}),
        ("demo.size", {"locations": 10**9}),
        ("demo.size", {"months": 1000}),
        ("demo.share", {"dental_share": float("nan")}),
        ("demo.link", {"weaken": {"": 0.5}}),
        ("demo.play", {"plays": (PlannedPlay("Q2", 1, (1, 1)),)}),
        ("demo.play", {"plays": (PlannedPlay("Q2", 1, (1, 2)), PlannedPlay("Q2", 2, (2,)))}),
    ],
)
def test_a_group_that_cannot_be(code: str, changed: dict[str, object]) -> None:
    with pytest.raises(DemoRefused) as refused:
        replace(SMALL, **changed)  # type: ignore[arg-type]
    assert refused.value.code == code
    assert refused.value.remedy


@pytest.mark.parametrize("until", [date(2015, 1, 31), date(2099, 12, 31)])
def test_the_first_and_the_last_window_can_be_exported(until: date, tmp_path: Path) -> None:
    make_demo(Order(replace(SMALL, until=until), tmp_path / "demo", faults="harsh"))
    assert (tmp_path / "demo" / "exports" / "loc2" / "opendental" / "appointment.csv").exists()


def test_the_oldest_patients_of_the_longest_window_are_born_after_1900() -> None:
    # The earliest first day that a demo can have; no format takes a birth before 1900.
    first = Group(7, 1, 120, until=date(YEARS[0], 1, 31)).first_date
    assert first.year - max(parameters()["population.age_knots"]) > 1901


@pytest.mark.parametrize("name", ["it's", "sp ace é", "-"])
def test_a_folder_of_any_name_takes_facts_and_truths(name: str, tmp_path: Path) -> None:
    make_demo(Order(replace(SMALL, locations=1), tmp_path / name, truth="none", writes="facts"))
    assert (tmp_path / name / "facts" / "location" / "loc1.parquet").exists()
    folder = tmp_path / f"{name} full"
    (folder / demo.PROGRESS).mkdir(parents=True)
    demo._make_place((Order(SMALL, folder, truth="full", writes="facts"), 1))
    assert (folder / "truth" / "visits" / "loc1.parquet").exists()


def test_a_name_that_no_disk_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemoRefused) as refused:
        make_demo(Order(SMALL, tmp_path / ("a" * 300)))
    assert refused.value.code == "demo.unwritable"
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DemoRefused) as refused:
        make_demo(Order(SMALL, tmp_path / "loop"))
    assert refused.value.code == "demo.unwritable"


def test_two_at_once_in_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    codes: list[str] = []

    def another(done: int) -> None:
        with pytest.raises(DemoRefused) as refused:
            make_demo(Order(SMALL, folder))
        codes.append(refused.value.code)

    make_demo(Order(SMALL, folder), another)
    assert codes == ["demo.busy"] * 3
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "exports", "truth.json"]


def test_a_foreign_folder_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / demo.PROGRESS).mkdir()
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DemoRefused) as refused:
        make_demo(Order(SMALL, tmp_path))
    assert refused.value.code == "demo.folder"
    assert list((tmp_path / demo.PROGRESS).iterdir()) == []
