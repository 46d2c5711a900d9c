"""Whatever the seed, the books of the invented world balance: money to the cent, people, visits, heads and stock."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.invented.worlds import WORLDS, lived

from carewheel.invented.book import NONE, TABLES, Book
from carewheel.invented.clockwork import working_days
from carewheel.invented.location import Lived

Column = npt.NDArray[Any]
BOOKED, KEPT, MISSED, CANCELLED = range(4)
PAID, DENIED, REVERSAL, CORRECTED = range(4)
PLACES = pytest.mark.parametrize(("seed", "number"), [(seed, number) for seed in WORLDS for number in (1, 2)])


def by_row(rows: Column, amounts: Column, size: int) -> Column:
    """Sums of whole amounts by row."""
    found = np.zeros(size, dtype=np.int64)
    np.add.at(found, rows, amounts)
    return found


def visit_of_decision_lines(book: Book) -> Column:
    return book["line"]["visit"][book["decision_line"]["line"]]


@PLACES
def test_every_decided_line_and_every_remittance_balances(seed: int, number: int) -> None:
    book = lived(seed, number).book
    line, decision, remittance = book["decision_line"], book["decision"], book["remittance"]
    # The line: what was charged is paid, agreed off, the patient's, or denied.
    parts = line["contractual"] + line["deductible"] + line["coinsurance"] + line["denied"]
    assert (line["charge"] == line["paid"] + parts).all()
    sign = np.where(decision["kind"][line["decision"]] == REVERSAL, -1, 1)
    assert (line["charge"] == sign * book["line"]["cents"][line["line"]]).all()
    assert ((line["denied"] != 0) == (line["reason"] != NONE)).all()
    # The claim: its decisions are the sums of their lines and speak of all its lines.
    size = len(decision["decision"])
    assert (by_row(line["decision"], line["paid"], size) == decision["paid"]).all()
    charged = by_row(line["decision"], np.abs(line["charge"]), size)
    assert (charged == book["claim"]["cents"][decision["claim"]]).all()
    owner = book["line"]["claim"][line["line"]]
    assert (owner == decision["claim"][line["decision"]]).all()
    # The remittance: what is sent is the decisions' payments and the interest.
    size = len(remittance["remittance"])
    paid = by_row(decision["remittance"], decision["paid"], size)
    interest = by_row(decision["remittance"], decision["interest"], size)
    assert (remittance["cents"] == paid + interest).all()
    assert (remittance["interest"] == interest).all()
    assert (remittance["cents"] >= 0).all()
    assert (remittance["day"][decision["remittance"]] == decision["day"]).all()
    assert (remittance["payer"][decision["remittance"]] == book["claim"]["payer"][decision["claim"]]).all()


@PLACES
def test_decisions_of_a_claim_follow_one_another(seed: int, number: int) -> None:
    book = lived(seed, number).book
    decision = book["decision"]
    order = np.lexsort((decision["decision"], decision["day"], decision["claim"]))
    stories: dict[int, list[int]] = {}
    for claim, kind in zip(decision["claim"][order].tolist(), decision["kind"][order].tolist(), strict=True):
        stories.setdefault(claim, []).append(kind)
    allowed = {(PAID,), (DENIED,), (DENIED, PAID), (PAID, REVERSAL, CORRECTED)}
    assert {tuple(story) for story in stories.values()} <= allowed
    # A reversal undoes the payment before it to the cent.
    for row in np.flatnonzero(decision["kind"] == REVERSAL):
        before = (decision["claim"] == decision["claim"][row]) & (decision["kind"] == PAID)
        assert decision["paid"][before].tolist() == [-decision["paid"][row]]
    assert (decision["day"] >= book["claim"]["submitted_day"][decision["claim"]]).all()
    assert (book["claim"]["submitted_day"] >= book["visit"]["starts"][book["claim"]["visit"]] // 1440).all()


@PLACES
def test_every_charge_is_paid_adjusted_owed_or_written_off(seed: int, number: int) -> None:
    book = lived(seed, number).book
    size = len(book["visit"]["visit"])
    line, at = book["decision_line"], visit_of_decision_lines(book)
    charged = by_row(book["line"]["visit"], book["line"]["cents"], size)
    received = by_row(book["receipt"]["visit"], book["receipt"]["cents"], size)
    given_up = by_row(book["write_off"]["visit"], book["write_off"]["cents"], size)
    owed = charged - by_row(at, line["paid"] + line["contractual"], size) - received - given_up
    assert (owed >= 0).all()
    kept = book["visit"]["status"] == KEPT
    assert (charged[~kept] == 0).all()
    assert (book["line"]["cents"] > 0).all()
    # A closed claim leaves what is the patient's, less what the patient paid or the place gave up.
    claim = book["claim"]
    closed = np.zeros(size, dtype=bool)
    closed[claim["visit"][claim["closed_day"] != NONE]] = True
    insured = np.zeros(size, dtype=bool)
    insured[claim["visit"]] = True
    share = by_row(at, line["deductible"] + line["coinsurance"], size)
    denied = by_row(book["decision"]["claim"], book["decision"]["kind"] == DENIED, len(claim["claim"]))
    paid = by_row(book["decision"]["claim"], book["decision"]["kind"] != DENIED, len(claim["claim"]))
    lost = np.zeros(size, dtype=bool)
    lost[claim["visit"][(denied > 0) & (paid == 0)]] = True
    due = np.where(closed & ~lost, share, np.where(lost & closed, charged, 0)) - received - given_up
    assert closed.any()
    assert (owed[closed] == due[closed]).all()
    assert (owed[closed & (received == share) & (received > 0)] == 0).all()
    assert (owed[closed & lost] == 0).all()
    # Without a claim: paid in full, given up, given free, or still owed in full (also while a refund is under way).
    assert np.isin(owed[~insured & kept], [0, *charged[~insured & kept].tolist()]).all()
    alone = ~insured & (charged > 0)
    assert ((owed == 0) | (owed == charged))[alone].all()
    claimed = by_row(claim["visit"], claim["cents"], size)
    assert (claimed[insured] == charged[insured]).all()


@PLACES
def test_visits_are_kept_missed_or_cancelled_or_still_ahead(seed: int, number: int) -> None:
    book = lived(seed, number).book
    visit = book["visit"]
    status, day = visit["status"], visit["starts"] // 1440
    past = day <= book.last_day
    assert past.sum() == sum(((status == s) & past).sum() for s in (KEPT, MISSED, CANCELLED))
    assert np.isin(status[~past], (BOOKED, CANCELLED)).all()
    kept = status == KEPT
    for name in ("arrived_at", "roomed_at", "started_at", "done_at"):
        assert ((visit[name] != NONE) == kept).all(), name
    times = [visit[name][kept] for name in ("arrived_at", "roomed_at", "started_at", "done_at")]
    assert all((a <= b).all() for a, b in itertools.pairwise(times))
    assert ((visit["cancelled_at"] != NONE) == (status == CANCELLED)).all()
    assert (visit["cancelled_at"] < visit["starts"]).all()
    late = (status == CANCELLED) & (visit["starts"] - visit["cancelled_at"] < 1440)
    assert ((visit["late"] == 1) == late).all()
    moved = visit["moved_at"] != NONE
    assert ((visit["first_starts"] != visit["starts"]) == moved).all()
    assert (visit["booked_at"] <= visit["moved_at"])[moved].all()
    assert (visit["moved_at"] < visit["first_starts"])[moved].all()
    open_days = working_days(book.first_day - 60, book.last_day + 100)
    assert np.isin(np.concatenate([day, visit["first_starts"] // 1440]), open_days).all()
    walked = visit["channel"] == 3
    assert (visit["booked_at"] < visit["starts"])[~walked].all()
    assert (visit["booked_at"] == visit["arrived_at"])[walked].all()
    assert ((visit["no_show_probability"] >= 0) & (visit["no_show_probability"] < 1)).all()


@PLACES
def test_people_come_while_they_are_patients_and_are_new_once(seed: int, number: int) -> None:
    book = lived(seed, number).book
    visit, patient = book["visit"], book["patient"]
    kept = visit["status"] == KEPT
    who, day = visit["patient"], visit["starts"] // 1440
    assert (visit["booked_at"] // 1440 >= patient["joined_day"][who]).all()
    for gone in ("left_day", "deceased_day"):
        end = patient[gone][who]
        assert (day <= end)[kept & (end != NONE)].all(), gone
    once = np.unique(who[kept].astype(np.int64) * 10**6 + day[kept])
    assert len(once) == kept.sum()
    fresh = kept & (visit["is_new"] == 1)
    assert fresh.any()
    assert len(np.unique(who[fresh])) == fresh.sum()
    assert (patient["first_visit_day"][who[fresh]] == day[fresh]).all()
    # Exactly those who joined in the window and came are new once.
    joined = patient["joined_day"] >= book.first_day
    came = np.zeros(len(joined), dtype=bool)
    came[who[kept]] = True
    assert (np.bincount(who[fresh], minlength=len(joined)) == (joined & came)).all()
    first = np.full(len(joined), np.iinfo(np.int64).max)
    np.minimum.at(first, who[kept], day[kept])
    assert (first[who[fresh]] == day[fresh]).all()


@PLACES
def test_every_head_was_hired_and_left_once_and_nobody_works_outside_their_spell(
    seed: int, number: int
) -> None:
    book = lived(seed, number).book
    staff = book["staff"]
    left = staff["ended_day"] != NONE
    assert (staff["ended_day"] >= staff["started_day"])[left].all()
    assert ((staff["end_kind"] > 0) == left).all()
    hired = (staff["started_day"] >= book.first_day).sum()
    founders = (staff["started_day"] < book.first_day).sum()
    assert ((staff["ended_day"] >= book.first_day) | ~left).all()
    assert founders + hired - left.sum() == (~left).sum() >= 2
    ended = np.where(left, staff["ended_day"], np.iinfo(np.int32).max)
    visit, session = book["visit"], book["session"]
    for provider, day in (
        (visit["provider"], visit["starts"] // 1440),
        (session["provider"], session["starts"] // 1440),
    ):
        assert (staff["is_provider"][provider] == 1).all()
        assert (staff["started_day"][provider] <= day).all()
        assert (day <= ended[provider]).all()
    # As many providers as chairs, every day.
    chairs = {
        int(((staff["started_day"] <= d) & (d <= ended) & (staff["is_provider"] == 1)).sum())
        for d in range(book.first_day, book.last_day + 1)
    }
    assert len(chairs) == 1
    training = book["training"]
    done = training["completed_day"] != NONE
    assert (training["completed_day"] <= ended[training["staff"]])[done].all()
    assert (training["completed_day"] >= training["assigned_day"])[done].all()


@PLACES
def test_stock_is_conserved(seed: int, number: int) -> None:
    book = lived(seed, number).book
    moves = book["stock_move"]
    for item in range(len(book.words.items)):
        mine = moves["item"] == item
        order = np.argsort(moves["moved_at"][mine], kind="stable")
        quantity, on_hand = moves["quantity"][mine][order], moves["on_hand"][mine][order]
        assert (np.cumsum(quantity) == on_hand).all()
        assert (on_hand >= 0).all()
    kind, quantity = moves["kind"], moves["quantity"]
    assert (quantity[kind == 0] > 0).all()
    assert (quantity[(kind == 1) | (kind == 3)] < 0).all()
    assert (quantity[(kind == 2) | (kind == 4)] == 0).all()


DATES = {
    "visit": ("booked_at", "moved_at", "cancelled_at", "arrived_at", "roomed_at", "started_at", "done_at"),
    "invitation": ("sent_at",), "answer": ("answered_at",), "review": ("posted_at", "replied_at"),
    "contact": ("created_at",), "stock_move": ("moved_at",),
}  # fmt: skip
# Days that may lie ahead: what is agreed on, not what happened.
AHEAD = {("spend", "ends_day")}


@PLACES
def test_nothing_in_the_book_happens_after_its_last_day(seed: int, number: int) -> None:
    book = lived(seed, number).book
    for name, columns in TABLES.items():
        for column in columns:
            if column == "day" or column.endswith("_day"):
                if (name, column) not in AHEAD:
                    assert (book[name][column] <= book.last_day).all(), (name, column)
            elif column in DATES.get(name, ()):
                assert (book[name][column] // 1440 <= book.last_day).all(), (name, column)


REFERENCES = {
    "patient": "patient", "household": "patient", "visit": "visit", "provider": "staff", "staff": "staff",
    "claim": "claim", "line": "line", "decision": "decision", "remittance": "remittance",
    "invitation": "invitation", "done_line": "line",
}  # fmt: skip
# Columns that may name nobody.
OPTIONAL = {
    ("line", "claim"), ("write_off", "claim"), ("referral", "patient"), ("contact", "patient"),
    ("proposal", "done_line"),
}  # fmt: skip


@PLACES
def test_every_reference_between_tables_leads_somewhere(seed: int, number: int) -> None:
    book = lived(seed, number).book
    seen = 0
    for name, columns in TABLES.items():
        table = book[name]
        assert (table[next(iter(columns))] == np.arange(len(table[next(iter(columns))]))).all(), name
        for column in list(columns)[1:]:
            if column in REFERENCES:
                low = NONE if (name, column) in OPTIONAL else 0
                target = len(book[REFERENCES[column]][REFERENCES[column]])
                assert ((table[column] >= low) & (table[column] < target)).all(), (name, column)
                seen += len(table[column])
    assert seen > 10_000
    # Both ends tell of the same person.
    visit, claim = book["visit"], book["claim"]
    assert (claim["patient"] == visit["patient"][claim["visit"]]).all()
    assert (claim["provider"] == visit["provider"][claim["visit"]]).all()
    for name in ("receipt", "write_off", "invitation"):
        assert (book[name]["patient"] == visit["patient"][book[name]["visit"]]).all(), name
    line = book["line"]
    mine = line["claim"] != NONE
    assert (claim["visit"][line["claim"][mine]] == line["visit"][mine]).all()
    by_patient = book["referral"]["referrer_kind"] == 0
    sent_by = book["referral"]["referrer"]
    assert ((sent_by >= 0) & (sent_by < len(book["patient"]["patient"])))[by_patient].all()
    assert ((sent_by >= 0) & (sent_by < len(book.words.partners)))[~by_patient].all()


def counted(life: Lived, starts: Column) -> dict[str, Column]:
    """The tally, counted anew from the book alone."""
    book, months = life.book, len(starts) - 1

    def count(days: Column, amounts: Column | None = None) -> Column:
        month = np.searchsorted(starts, days, side="right") - 1
        inside = (month >= 0) & (month < months)
        weights = np.ones(len(days), dtype=np.int64) if amounts is None else amounts
        return by_row(month[inside], weights[inside], months)

    visit, answer, invitation = book["visit"], book["answer"], book["invitation"]
    day, status = visit["starts"] // 1440, visit["status"]
    kept = status == KEPT
    served = visit["starts"][book["line"]["visit"]] // 1440
    decision, line, receipt = book["decision"], book["decision_line"], book["receipt"]
    # A claim's first decision is the earliest, whatever its row.
    first = np.zeros(len(decision["decision"]), dtype=bool)
    order = np.lexsort((decision["decision"], decision["day"], decision["claim"]))
    first[order[np.unique(decision["claim"][order], return_index=True)[1]]] = True
    answered, score, question = answer["answered_at"] // 1440, answer["score"], answer["question"]
    found = {
        "booked": count(day), "kept": count(day[kept]), "missed": count(day[status == MISSED]),
        "cancelled": count(day[status == CANCELLED]), "late_cancelled": count(day[visit["late"] == 1]),
        "booked_online": count(day[visit["channel"] == 2]),
        "new_patients": count(day[kept & (visit["is_new"] == 1)]),
        "kept_minutes": count(day[kept], visit["minutes"][kept]),
        "wait_minutes": count(day[kept], (visit["roomed_at"] - visit["arrived_at"])[kept]),
        "charges": count(served, book["line"]["cents"]), "charge_lines": count(served),
        "collected_from_patients": count(receipt["day"], receipt["cents"]),
        "collected": count(receipt["day"], receipt["cents"])
        + count(decision["day"], decision["paid"] + decision["interest"]),
        "interest": count(decision["day"], decision["interest"]),
        "contractual": count(decision["day"][line["decision"]], line["contractual"]),
        "given_up": count(book["write_off"]["day"], book["write_off"]["cents"]),
        "first_decisions": count(decision["day"][first]),
        "first_denials": count(decision["day"][first & (decision["kind"] == DENIED)]),
        "invited": count(invitation["sent_at"] // 1440),
        "promoters": count(answered[(question == 0) & (score >= 9)]),
        "detractors": count(answered[(question == 0) & (score <= 6)]),
        "reviews": count(book["review"]["posted_at"] // 1440),
        "stars": count(book["review"]["posted_at"] // 1440, book["review"]["rating"]),
        "spend": count(book["spend"]["starts_day"], book["spend"]["cents"]),
        "invested": count(book["investment"]["day"], book["investment"]["cents"]),
        "expenses": count(book["expense"]["day"], book["expense"]["cents"]),
    }  # fmt: skip
    for index, name in enumerate(("nps", "csat", "ease", "wait")):
        mine = question == index
        found[f"answers_{name}"] = count(answered[mine])
        found[f"score_{name}"] = count(answered[mine], score[mine])
    return found


@PLACES
def test_the_worlds_own_tally_equals_what_the_book_says(seed: int, number: int) -> None:
    life = lived(seed, number)
    group = WORLDS[seed]
    found = counted(life, group.month_starts[: group.months + 1])
    assert set(found) == set(life.tally.counts)
    for name, values in found.items():
        assert values.tolist() == life.tally.counts[name].tolist(), name
    counts = life.tally.counts
    assert (counts["kept"] + counts["missed"] + counts["cancelled"] == counts["booked"]).all()
    # The purse: what came in, less what was spent, invested and paid for winning patients.
    net = counts["collected"] - counts["expenses"] - counts["invested"] - counts["spend"]
    assert np.abs(np.array(life.net_cash[: group.months]) - net).max() <= 1


def test_the_checks_would_notice_a_cent_that_is_missing() -> None:
    life = lived(1, 1)
    found = counted(life, WORLDS[1].month_starts[: WORLDS[1].months + 1])
    life.book["decision"]["paid"][0] += 1
    try:
        other = counted(life, WORLDS[1].month_starts[: WORLDS[1].months + 1])
        assert (other["collected"] - found["collected"]).sum() == 1
        with pytest.raises(AssertionError):
            test_every_decided_line_and_every_remittance_balances(1, 1)
    finally:
        life.book["decision"]["paid"][0] -= 1
