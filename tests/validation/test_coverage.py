"""The intervals hold the truth as often as they say. The long run writes the table in docs/reference/validation.md."""

from __future__ import annotations

import pytest
from tests.validation.coverage import Coverage, coverage

SEED = 20261123


@pytest.fixture(scope="module")
def rows(request: pytest.FixtureRequest) -> list[Coverage]:
    repeats = 200_000 if request.config.getoption("--run-long") else 4_000
    return coverage(repeats, SEED)


def test_intervals_hold_the_truth_as_often_as_they_say(rows: list[Coverage]) -> None:
    assert [row for row in rows if not row.holds] == []


def test_the_check_would_notice_an_interval_that_is_a_third_too_narrow() -> None:
    rows = coverage(4_000, SEED)
    narrow = next(row for row in rows if row.method == "adjusted Wald (NPS)")
    assert not narrow._replace(covered=0.73, error=0.007).holds
