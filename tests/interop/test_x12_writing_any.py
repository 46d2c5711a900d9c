"""Any balanced claim or remittance is written and comes back with the same amounts; any unbalanced one is refused."""

from __future__ import annotations

import io
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.interop.x12_written import (
    CLAIM,
    ENVELOPE,
    OTHER,
    PAID,
    PERSON,
    PRACTICE,
    REMITTANCE,
    assert_balanced,
    cents,
    read_back,
    records,
    segments,
    written,
)

from carewheel.interop.x12 import writing as x12
from carewheel.interop.x12.writing import Adjustment, NotBalanced, PaidLine, ServiceLine

AMOUNTS = st.integers(0, 200_000)
SIGNED = st.integers(-50_000, 50_000)
DAYS = st.integers(0, 700).map(lambda days: date(2024, 1, 31) + timedelta(days))
NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ'-", min_size=1, max_size=20)


@st.composite
def service_lines(draw: Any, dental: bool) -> ServiceLine:
    tooth = draw(st.sampled_from(["", "1", "32", "51", "82", "A", "TS"])) if dental else ""
    surfaces = "".join(draw(st.permutations("BDFILMO"))[: draw(st.integers(0, 5))]) if tooth else ""
    code = draw(st.sampled_from(["D0120", "D2392"] if dental else ["99213", "87880", "J1100"]))
    modifiers = tuple(draw(st.lists(st.sampled_from(["25", "59", "TC"]), max_size=4, unique=True)))
    pointers = tuple(draw(st.permutations((1, 2, 3)))[: draw(st.integers(1, 3))])
    control = draw(st.sampled_from(["", "1", "L 2/3"]))
    units = draw(st.integers(1, 99))
    return ServiceLine(code, draw(AMOUNTS), units, draw(DAYS), control, modifiers, pointers, tooth, surfaces)


@st.composite
def claims(draw: Any, dental: bool) -> list[x12.OutgoingClaim]:
    found = []
    for number in range(draw(st.integers(1, 5))):
        frequency = draw(st.sampled_from("178"))
        found.append(
            CLAIM._replace(
                claim_id=f"loc1-{number}",
                billing=draw(st.sampled_from([PRACTICE, OTHER])),
                insured=PERSON._replace(family=draw(NAMES), birth_date=draw(DAYS), member_id=f"M{number}"),
                lines=tuple(draw(st.lists(service_lines(dental), min_size=1, max_size=5))),
                diagnoses=("J020", "R509", "Z9989"),
                frequency=frequency,
                payer_claim_id="ICN 1" if frequency != "1" else draw(st.sampled_from(["", "ICN2"])),
            )
        )
    return found


def split_claims(text: str, dental: bool) -> list[tuple[Any, ...]]:
    """Billing NPI, claim number, total, and the lines of each claim, by splitting alone."""
    found: list[tuple[Any, ...]] = []
    billing, births = "", ""
    for row in segments(text):
        if row[:2] == ["NM1", "85"]:
            billing = row[9]
        elif row[0] == "DMG":
            births = row[2]
        elif row[0] == "CLM":
            found.append((billing, row[1], cents(row[2]), births, []))
        elif row[0] == "SV1":
            found[-1][4].append([row[1].split(":")[1:], cents(row[2]), row[4], row[7].split(":"), "", ""])
        elif row[0] == "SV3":
            assert len(row) == 12
            found[-1][4].append([row[1].split(":")[1:], cents(row[2]), row[6], row[11].split(":"), "", ""])
        elif row[0] == "TOO":
            found[-1][4][-1][4:6] = [row[2], "".join([*row, ""][3].split(":"))]
        elif row[0] == "DTP":
            found[-1][4][-1].append(row[3])
    return found


@pytest.mark.parametrize("dental", [False, True])
def test_any_claim_comes_back_with_its_amounts_and_days(dental: bool) -> None:
    @settings(max_examples=60, deadline=None)
    @given(claims(dental))
    def check(given_claims: list[x12.OutgoingClaim]) -> None:
        text = written(x12.write_837d if dental else x12.write_837p, *given_claims)
        expected = [
            (
                one.billing.npi,
                one.claim_id,
                sum(line.amount for line in one.lines),
                one.insured.birth_date.strftime("%Y%m%d"),
                [
                    [
                        [line.code, *line.modifiers], line.amount, str(line.units), [*map(str, line.pointers)],
                        line.tooth, line.surfaces, line.service_date.strftime("%Y%m%d"),
                    ]
                    for line in one.lines
                ],
            )
            for one in given_claims
        ]  # fmt: skip
        assert sorted(split_claims(text, dental)) == sorted(expected)
        read = read_back(text)
        assert (read.rows_used, read.rows_refused, read.findings) == (len(given_claims), 0, [])
        by_number = {one.claim_id: one for one in given_claims}
        for record in records(read, "ClaimRecord"):
            one = by_number[record.claim_id]
            assert record.amount == Decimal(sum(line.amount for line in one.lines)) / 100
            # The rendering provider, or the billing provider where it is the same and not repeated.
            assert (record.patient_key, record.provider_key) == (one.insured.member_id, one.rendering.npi)
            assert (record.payer_id, record.service_date) == ("PAY1", one.lines[0].service_date)
            assert record.source_id == f"{one.billing.npi}|{one.claim_id}"
        # A void charges nothing.
        charged = [
            (c.claim_id, c.code, c.amount, c.quantity, c.service_date) for c in records(read, "ChargeRecord")
        ]
        assert Counter(charged) == Counter(
            (one.claim_id, line.code, Decimal(line.amount) / 100, line.units, line.service_date)
            for one in given_claims
            if one.frequency != "8"
            for line in one.lines
        )

    check()


@st.composite
def adjustments(draw: Any, most: int = 9) -> tuple[Adjustment, ...]:
    one = st.builds(
        Adjustment,
        st.sampled_from(["CO", "OA", "PI", "PR"]),
        st.sampled_from(["45", "1", "97", "A1"]),
        SIGNED,
    )
    return tuple(draw(st.lists(one, max_size=most)))


@st.composite
def remittances(draw: Any) -> x12.Remittance:
    """Balanced by construction: payments follow from charges and adjustments."""
    paid_claims = []
    for number in range(draw(st.integers(0, 4))):
        lines = []
        for at in range(draw(st.integers(1, 4))):
            charge, adjusted = draw(AMOUNTS), draw(adjustments())
            lines.append(
                PaidLine(
                    "99213",
                    charge,
                    charge - sum(one.amount for one in adjusted),
                    draw(st.integers(-2, 9)),
                    draw(DAYS),
                    str(at),
                    ("25",)[: draw(st.integers(0, 1))],
                    adjusted,
                    ("N19", "M1")[: draw(st.integers(0, 2))],
                )
            )
        whole = draw(adjustments(2))
        everything = [*whole, *(one for line in lines for one in line.adjustments)]
        charge = sum(line.charge for line in lines)
        paid_claims.append(
            PAID._replace(
                claim_id=f"A{number}",
                status=draw(st.sampled_from(["1", "2", "4", "22"])),
                charge=charge,
                paid=charge - sum(one.amount for one in everything),
                patient_share=sum(one.amount for one in everything if one.group == "PR"),
                payer_claim_id=f"ICN{draw(st.integers(0, 1))}",
                lines=tuple(lines),
                adjustments=whole,
                received_date=draw(st.none() | DAYS),
            )
        )
    one = st.builds(
        x12.ProviderAdjustment, st.sampled_from(["L6", "WO", "72"]), st.sampled_from(["", "R1"]), SIGNED
    )
    taken = draw(st.lists(one, max_size=8))
    due = sum(claim.paid for claim in paid_claims) - sum(adjustment.amount for adjustment in taken)
    if due < 0:
        # A payment is never negative: what is owed is carried forward.
        taken.append(x12.ProviderAdjustment("FB", "NEXT", due))
        due = 0
    return REMITTANCE._replace(amount=due, claims=tuple(paid_claims), provider_adjustments=tuple(taken))


@settings(max_examples=80, deadline=None)
@given(remittances())
def test_any_balanced_remittance_comes_back_to_the_cent(one: x12.Remittance) -> None:
    text = written(x12.write_835, one)
    assert_balanced(text)
    read = read_back(text)
    assert (read.rows_used, read.rows_refused, read.findings) == (len(one.claims), 0, [])
    payments = records(read, "PaymentRecord")
    of_claims = [p for p in payments if p.method != "provider_level"]
    assert [(p.claim_id, p.amount) for p in of_claims] == [
        (c.claim_id, Decimal(c.paid) / 100) for c in one.claims
    ]
    assert sum(p.amount for p in payments) == Decimal(one.amount) / 100 == read.tallies["collections"]
    assert {p.posted_date for p in payments} <= {one.paid_date}
    assert [p.service_date for p in of_claims] == [
        min(line.service_date for line in c.lines) for c in one.claims
    ]
    events = [
        (e.raw_event, e.amount, e.paid_amount, e.patient_amount) for e in records(read, "ClaimEventRecord")
    ]
    assert events == [
        (c.status, Decimal(c.charge) / 100, Decimal(c.paid) / 100, Decimal(c.patient_share) / 100)
        for c in one.claims
    ]
    given_adjustments = Counter(
        (c.claim_id, code, a.group, a.reason, Decimal(a.amount) / 100)
        for c in one.claims
        for code, some in (("", c.adjustments), *((line.code, line.adjustments) for line in c.lines))
        for a in some
    )
    read_adjustments = records(read, "AdjustmentRecord")
    assert given_adjustments == Counter(
        (a.claim_id, a.code, a.group_code, a.reason_code, a.amount) for a in read_adjustments
    )


def amounts_of(
    value: Any, skip: frozenset[str] = frozenset({"units", "interest"})
) -> list[tuple[int | str, ...]]:
    """The paths to every amount (int) anywhere in a remittance that takes part in balancing."""
    paths: list[tuple[int | str, ...]] = []
    if isinstance(value, tuple):
        names = getattr(value, "_fields", range(len(value)))
        for name, part in zip(names, value, strict=True):
            if type(part) is int and name not in skip:
                paths.append((name,))
            elif isinstance(part, tuple):
                paths += [(name, *path) for path in amounts_of(part)]
    return paths


def raised(value: Any, path: tuple[int | str, ...], by: int) -> Any:
    name, *rest = path
    if isinstance(name, int):
        return (*value[:name], raised(value[name], tuple(rest), by), *value[name + 1 :])
    part = getattr(value, name)
    return value._replace(**{name: raised(part, tuple(rest), by) if rest else part + by})


@settings(max_examples=150, deadline=None)
@given(remittances(), st.data(), st.integers(-9_999, 9_999).filter(bool))
def test_any_one_amount_changed_is_refused(one: x12.Remittance, data: st.DataObject, by: int) -> None:
    path = data.draw(st.sampled_from(amounts_of(one)))
    # A reversal's patient share is not held to its adjustments (see the reader).
    assume(path[-1] != "patient_share" or one.claims[path[1]].status != "22")
    stream = io.StringIO()
    with pytest.raises(NotBalanced):
        x12.write_835(stream, ENVELOPE, [raised(one, path, by)])
    assert stream.getvalue() == ""
