"""Single values: what is clear is read exactly, what is unclear is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carewheel.interop.tabular.values import (
    ValueRefused,
    read_date,
    read_flag,
    read_moment,
    read_money,
    read_number,
)

CENTS = st.decimals(min_value=-(10**9), max_value=10**9, places=2)


@given(CENTS)
def test_an_amount_with_a_point_is_read_exactly(amount: Decimal) -> None:
    assert read_money(str(amount)) == amount
    assert read_money(f"{amount:,}", ".") == amount
    assert read_money(f"$ {abs(amount):,}", ".") == abs(amount)


@given(CENTS)
def test_an_amount_with_a_comma_is_read_exactly_when_that_is_said(amount: Decimal) -> None:
    text = f"{amount:,}".replace(",", " ").replace(".", ",").replace(" ", ".")
    assert read_money(text, ",") == amount


@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_a_refusal(text: str) -> None:
    for decimal in ("", ".", ","):
        try:
            amount = read_money(text, decimal)
        except ValueRefused:
            continue
        else:
            assert amount is None or amount.is_finite()


@given(st.text(alphabet="0123456789-/: TZ.+W", max_size=24))
def test_any_text_is_a_moment_or_a_refusal(text: str) -> None:
    for formats in ((), ("%d/%m/%Y",)):
        try:
            moment = read_moment(text, formats)
        except ValueRefused:
            continue
        else:
            assert moment is None or 1900 <= moment.year <= 2199


@given(st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 31)))
def test_iso_moments_come_back_as_they_were(moment: datetime) -> None:
    assert read_moment(moment.isoformat()) == moment
    assert read_moment(moment.isoformat(" ").replace("-", "/")) == moment
    aware = moment.replace(tzinfo=UTC)
    assert read_moment(aware.isoformat()) == aware


@pytest.mark.parametrize(
    ("text", "formats", "expected"),
    [
        ("2025-03-04", (), date(2025, 3, 4)),
        ("04/03/2025", ("%d/%m/%Y",), date(2025, 3, 4)),
        ("25/03/2025", ("%d/%m/%Y", "%m/%d/%Y"), date(2025, 3, 25)),
        ("20250304", ("%Y%m%d",), date(2025, 3, 4)),
        ("0000-00-00", (), None),
        ("0001-01-01", (), None),
        ("1900-01-01", (), None),
        ("1900-01-01 00:00:00", (), None),
        ("01/01/1900", ("%d/%m/%Y",), None),
        ("1900-01-02", (), date(1900, 1, 2)),
        ("2999-12-31", (), None),
        ("1899-12-31", (), None),
        ("NULL", (), None),
    ],
)
def test_dates(text: str, formats: tuple[str, ...], expected: date | None) -> None:
    assert read_date(text, formats) == expected


@pytest.mark.parametrize("formats", [(), ("%d/%m/%Y", "%m/%d/%Y")])
def test_a_date_that_can_be_read_in_two_ways_is_refused(formats: tuple[str, ...]) -> None:
    with pytest.raises(ValueRefused) as refusal:
        read_date("03/04/2025", formats)
    assert refusal.value.code == "csv.ambiguous-date"


def test_a_moment_keeps_its_offset() -> None:
    assert read_moment("2025-03-04T10:00:00-05:00") == datetime(
        2025, 3, 4, 10, tzinfo=timezone(timedelta(hours=-5))
    )
    assert read_moment("2025/03/04 10:00:00.000") == datetime(2025, 3, 4, 10)


def test_flags_and_numbers() -> None:
    assert [read_flag(text) for text in ("Yes", "0", "t", "")] == [True, False, True, None]
    assert read_number("4,5", ",") == 4.5
    for refuse, text in ((read_flag, "maybe"), (read_number, "inf"), (read_number, "1_000")):
        with pytest.raises(ValueRefused):
            refuse(text)
