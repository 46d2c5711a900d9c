"""The page about security names a test for each case, and each of those is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CASES = {*range(1, 38), *range(61, 71), 75, 76, 77}


def test_each_case_has_its_test_or_says_why_not() -> None:
    page = (ROOT / "docs" / "reference" / "security.md").read_text("utf-8")
    names = {name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"^def (test_cases?_\d\w+)", path.read_text("utf-8"), re.MULTILINE)}  # fmt: skip
    tested = {
        int(number)
        for name in names
        for number in re.findall(r"\d+", re.match(r"test_cases?((?:_(?:\d+|and))+)", name)[1])
    }  # type: ignore[index]
    told: set[int] = set()
    for cell, _, answer in re.findall(r"^\| ([\d, ]+) \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE):
        numbers = {int(number) for number in cell.split(", ")}
        assert not told & numbers
        told |= numbers
        named = re.findall(r"`(test_\w+)`", answer)
        assert named or answer.startswith("not yet: "), cell
        assert bool(named) == bool(numbers & tested), cell
        for one in named:
            assert any(name.startswith(f"{one}_") for name in names), one
        if named:
            assert numbers <= tested, cell
    assert told == CASES
