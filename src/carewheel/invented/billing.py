"""Money of a visit: lines, claim, what the payer decides and when, what patients pay, what is given up.

All amounts are whole cents. Line by line: charge = paid + contractual + deductible + coinsurance + denied. Everything that
will happen to a claim is decided when it is made; its days may lie after the window, where the book ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from carewheel.invented.book import NONE, BookWriter, LocationFacts
from carewheel.invented.draws import Draws, Floats, chosen, normal
from carewheel.invented.parameters import parameters
from carewheel.invented.places import DENIAL_SHARES
from carewheel.invented.tally import Tally

Ints = npt.NDArray[np.int64]
# Lines by visit kind: (code index, probability). The first is always there; the code of a first visit replaces it.
DENTAL_LINES = (
    ((1, 1.0), (0, 0.62), (2, 0.34)),
    ((6, 1.0), (6, 0.25)),
    ((3, 1.0), (2, 0.25), (4, 0.22)),
    ((4, 1.0), (5, 0.13), (8, 0.12), (4, 0.25)),
)
MEDICAL_LINES = (
    ((6, 1.0), (8, 0.55), (4, 0.30)),
    ((6, 1.0), (4, 0.10)),
    ((0, 1.0), (4, 0.30), (7, 0.26), (8, 0.10)),
    ((1, 1.0), (3, 0.20), (5, 0.12), (7, 0.22), (4, 0.25)),
)
FIRST_VISIT_CODE = {"dental": 7, "medical": 2}
TECHNOLOGY_CODE = 9
LINES = {"dental": DENTAL_LINES, "medical": MEDICAL_LINES}
PAID, DENIED, REVERSAL, CORRECTED = range(4)


@dataclass(slots=True)
class Visits:
    """Kept visits to bill: rows of the book and who, what, when."""

    rows: Ints
    patient: Ints
    provider: Ints
    kind: Ints
    day: Ints
    is_new: npt.NDArray[np.bool_]
    free: npt.NDArray[np.bool_]  # nothing is asked for this visit (a broken link C2b-C3)


@dataclass(slots=True)
class Terms:
    """How this month's claims fare: factors and days that the links and shocks set."""

    price_factor: float
    technology_share: float
    denial_factor: float
    denial_shift: float
    unclean_days: float
    slow_payer: tuple[int, int, int]


class Billing:
    """Bills the visits of one place into its book."""

    def __init__(self, location: LocationFacts, draws: Draws, writer: BookWriter, tally: Tally) -> None:
        self.location, self.draws, self.writer, self.tally = location, draws, writer, tally
        self.prices = np.array([code.cents for code in location.codes])

    def bill(self, month: int, visits: Visits, payer: Ints, payer_index: Ints, terms: Terms) -> None:
        """Lines, claims, decisions, receipts and write-offs of one month's kept visits."""
        if not len(visits.rows):
            return
        line_visit, line_code, cents = self._lines(month, visits, terms)
        insured = (payer >= 0) & ~visits.free
        claim_no = np.full(len(visits.rows), NONE)
        u = self._luck("claims", month, visits, 16)
        charge = np.bincount(line_visit, weights=cents, minlength=len(visits.rows)).astype(np.int64)
        p = parameters()
        submitted = (
            visits.day + 1 + (-p["payers.submission_days"] * np.log1p(-u[:, 0] * 0.999)).astype(np.int64)
        )
        claim_no[insured] = self.writer.rows["claim"] + np.arange(int(insured.sum()))
        teeth = self.location.kind == "dental"
        tooth_u = self.draws.uniform("teeth", month, len(line_visit), 1)[:, 0]
        tooth = np.where(teeth & np.isin(line_code, (4, 5, 8)), 2 + (tooth_u * 30).astype(np.int64), 0)
        lines = self.writer.add(
            "line", visit=visits.rows[line_visit], code=line_code, cents=cents, units=1, tooth=tooth,
            claim=claim_no[line_visit],
        )  # fmt: skip
        self.tally.add("charges", visits.day[line_visit], cents)
        self.tally.add("charge_lines", visits.day[line_visit])
        self._desk(month, visits, charge, ~insured, u)
        which = np.flatnonzero(insured)
        if not len(which):
            return
        first_line = np.searchsorted(line_visit, np.arange(len(visits.rows) + 1))
        closed = self._claims(
            month, visits, which, submitted, payer_index, u, terms, lines, first_line, cents
        )
        self.writer.add(
            "claim", visit=visits.rows[which], patient=visits.patient[which], payer=payer[which],
            provider=visits.provider[which], submitted_day=submitted[which], cents=charge[which], closed_day=closed,
        )  # fmt: skip

    def _luck(self, purpose: str, month: int, visits: Visits, columns: int) -> Floats:
        """Uniforms by person, and apart for a person's second visit of the month: other people's visits shift nothing."""
        size = int(visits.patient.max()) + 1
        u = self.draws.uniform(purpose, month, size, 2 * columns).reshape(size, 2, columns)
        again = np.ones(len(visits.patient), dtype=np.int64)
        again[np.unique(visits.patient, return_index=True)[1]] = 0
        return np.asarray(u[visits.patient, again])

    def _lines(self, month: int, visits: Visits, terms: Terms) -> tuple[Ints, Ints, Ints]:
        u = self._luck("lines", month, visits, 6)
        recipe = LINES[self.location.kind]
        visit, code = [], []
        for kind, parts in enumerate(recipe):
            here = visits.kind == kind
            for slot, (index, share) in enumerate(parts):
                takes = np.flatnonzero(here & (u[:, slot] < share))
                first = (slot == 0) & visits.is_new[takes]
                visit.append(takes)
                code.append(np.where(first, FIRST_VISIT_CODE[self.location.kind], index))
        more = np.flatnonzero(u[:, 5] < terms.technology_share)
        visit.append(more)
        code.append(np.full(len(more), TECHNOLOGY_CODE))
        line_visit, line_code = np.concatenate(visit), np.concatenate(code)
        order = np.argsort(line_visit, kind="stable")
        line_visit, line_code = line_visit[order], line_code[order]
        cents = np.round(self.prices[line_code] * terms.price_factor / 100).astype(np.int64) * 100
        return line_visit, line_code, cents

    def _desk(self, month: int, visits: Visits, charge: Ints, own: npt.NDArray[np.bool_], u: Floats) -> None:
        """Visits without an insurer: paid at the desk or later, or given free."""
        free = visits.free & (charge > 0)
        self.writer.add(
            "write_off", patient=visits.patient[free], visit=visits.rows[free], claim=NONE, day=visits.day[free],
            cents=charge[free], kind=1,
        )  # fmt: skip
        self.tally.add("given_up", visits.day[free], charge[free])
        pays = np.flatnonzero(own & ~visits.free & (charge > 0))
        at_desk = u[pays, 1] < parameters()["patients_money.pays_at_visit"]
        self._collect(
            visits, pays, charge[pays], visits.day[pays], np.full(len(pays), NONE), at_desk, u[pays, 2:6]
        )

    def _collect(
        self,
        visits: Visits,
        which: Ints,
        cents: Ints,
        due: Ints,
        claims: Ints,
        at_desk: npt.NDArray[np.bool_],
        u: Floats,
    ) -> None:
        """The patient's part: at the desk, by statement, or never and then written off."""
        p = parameters()
        later = due + 3 + (-p["patients_money.days_to_pay"] * np.log1p(-u[:, 0] * 0.995)).astype(np.int64)
        pays = at_desk | (u[:, 1] < p["patients_money.pays_later"])
        day = np.where(at_desk, due, later)
        method = (u[:, 2] * 3).astype(np.int64)
        self.writer.add(
            "receipt", patient=visits.patient[which][pays], visit=visits.rows[which][pays], day=day[pays],
            cents=cents[pays], method=method[pays],
        )  # fmt: skip
        self.tally.add("collected", day[pays], cents[pays])
        self.tally.add("collected_from_patients", day[pays], cents[pays])
        back = pays & (u[:, 3] < p["patients_money.refund_share"])
        for sign, after in ((-1, 9), (1, 20)):
            self.writer.add(
                "receipt", patient=visits.patient[which][back], visit=visits.rows[which][back], day=day[back] + after,
                cents=sign * cents[back], method=method[back],
            )  # fmt: skip
            self.tally.add("collected", day[back] + after, sign * cents[back])
            self.tally.add("collected_from_patients", day[back] + after, sign * cents[back])
        lost = ~pays
        self.writer.add(
            "write_off", patient=visits.patient[which][lost], visit=visits.rows[which][lost], claim=claims[lost],
            day=due[lost] + int(p["patients_money.write_off_days"]), cents=cents[lost], kind=0,
        )  # fmt: skip
        self.tally.add("given_up", due[lost] + int(p["patients_money.write_off_days"]), cents[lost])

    def _claims(
        self,
        month: int,
        visits: Visits,
        which: Ints,
        submitted: Ints,
        payer_index: Ints,
        uniforms: Floats,
        terms: Terms,
        lines: Ints,
        first_line: Ints,
        cents: Ints,
    ) -> Ints:
        """What payers decide on the claims of visits ``which``; returns the day on which each is settled by the payer."""
        p = parameters()
        u, plan = uniforms[which], payer_index[which]
        numbers = self.writer.rows["claim"] + np.arange(len(which))
        days = np.array(p["payers.days_to_decide"])[plan] * np.exp(0.35 * normal(u[:, 1]) - 0.06)
        slow, begins, ends = terms.slow_payer
        waits = (plan == slow) & (submitted[which] >= begins) & (submitted[which] < ends)
        days = days + np.where(waits, p["shocks.slow_payer_days"], 0.0)
        # Payers decide once a week, each on its own weekday, so that one remittance pays many claims.
        decided = submitted[which] + np.maximum(days, 3).astype(np.int64)
        decided = _on_weekday(decided, plan)
        share = np.array(p["payers.denial_share"])[plan] * terms.denial_factor - terms.denial_shift
        denied = u[:, 2] < np.maximum(share, 0)
        wins = denied & (u[:, 3] < p["payers.appeal_share"]) & (u[:, 4] < p["payers.appeal_success"])
        delay = np.maximum(terms.unclean_days * np.exp(0.4 * normal(u[:, 5]) - 0.08), 1.0)
        again = _on_weekday(decided + delay.astype(np.int64), plan)
        reason = np.minimum(chosen(u[:, 6], DENIAL_SHARES), len(DENIAL_SHARES) - 1)
        # Shares of the charge: allowed, deductible, coinsurance.
        allowed = np.array(p["payers.allowed_share"])[plan]
        under = u[:, 7] < np.array(p["payers.deductible_share"])[plan]
        coins = np.array(p["payers.coinsurance_share"])[plan]
        counts = np.diff(first_line)[which]
        owner = np.repeat(np.arange(len(which)), counts)
        start = first_line[:-1][which]
        own_lines = np.repeat(start - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        charge = cents[own_lines]
        permitted = np.round(charge * allowed[owner]).astype(np.int64)
        deductible = np.where(under[owner], permitted, 0)
        coinsurance = np.round((permitted - deductible) * coins[owner]).astype(np.int64)
        paid = permitted - deductible - coinsurance
        contractual = charge - permitted
        book_line = lines[own_lines]

        def decide(
            here: npt.NDArray[np.bool_], day: Ints, kind: int, sign: int, scale: Floats | None = None
        ) -> None:
            at = np.flatnonzero(here)
            if not len(at):
                return
            mine = here[owner]
            to = np.cumsum(here) - 1
            deny = kind == DENIED
            parts = [contractual, deductible, coinsurance, paid]
            if deny:
                parts = [np.zeros_like(charge)] * 4
            elif scale is not None:
                # The payer first paid less than agreed; the rest stood as contractual.
                less = np.round(paid * scale[owner]).astype(np.int64)
                parts = [contractual + less, deductible, coinsurance, paid - less]
            con, ded, coi, pay = (sign * part[mine] for part in parts)
            total = np.bincount(to[owner[mine]], weights=pay, minlength=len(at)).astype(np.int64)
            late = (kind == PAID) & (u[at, 8] < p["payers.interest_share"]) & (total > 5000)
            interest = np.where(late, np.round(total * 0.008), 0).astype(np.int64)
            decisions = self.writer.add(
                "decision",
                claim=numbers[at],
                remittance=NONE,
                day=day[at],
                kind=kind,
                paid=total,
                interest=interest,
            )
            self.writer.add(
                "decision_line", decision=decisions[to[owner[mine]]], line=book_line[mine], charge=sign * charge[mine],
                paid=pay, contractual=con, deductible=ded, coinsurance=coi,
                denied=charge[mine] if deny else 0, reason=reason[owner[mine]] if deny else NONE,
            )  # fmt: skip
            self.tally.add("collected", day[at], total + interest)
            self.tally.add("interest", day[at], interest)
            self.tally.add("contractual", day[owner[mine]], con)

        decide(denied, decided, DENIED, 1)
        short = ~denied & (u[:, 9] < p["payers.reversal_share"])
        cut = np.where(short, 0.1 + 0.2 * u[:, 10], 0.0)
        decide(~denied & ~short, decided, PAID, 1)
        decide(short, decided, PAID, 1, cut)
        mended = _on_weekday(decided + 25 + (u[:, 11] * 30).astype(np.int64), plan)
        decide(short, mended, REVERSAL, -1, cut)
        decide(short, mended, CORRECTED, 1)
        self.writer.add("resubmission", claim=numbers[wins], day=np.maximum(again[wins] - 9, decided[wins]))
        decide(wins, again, PAID, 1)
        total = np.bincount(owner, weights=charge, minlength=len(which)).astype(np.int64)
        lost = denied & ~wins
        self.writer.add(
            "write_off", patient=visits.patient[which][lost], visit=visits.rows[which][lost], claim=numbers[lost],
            day=again[lost] + 3, cents=total[lost], kind=0,
        )  # fmt: skip
        self.tally.add("given_up", again[lost] + 3, total[lost])
        self.tally.add("first_decisions", decided)
        self.tally.add("first_denials", decided[denied])
        share_of_patient = np.bincount(owner, weights=deductible + coinsurance, minlength=len(which)).astype(
            np.int64
        )
        settled = np.where(denied, again, decided)
        owes = np.flatnonzero(~lost & (share_of_patient > 0))
        self._collect(
            visits, which[owes], share_of_patient[owes], settled[owes] + 4, numbers[owes],
            np.zeros(len(owes), dtype=bool), u[owes, 12:16],
        )  # fmt: skip
        return np.where(lost, again + 3, np.where(short, mended, settled))


def _on_weekday(days: Ints, plan: Ints) -> Ints:
    """The first day at or after ``days`` on which the payer decides: Monday to Friday, by payer."""
    return np.asarray(days + (plan % 5 - (days + 3)) % 7, dtype=np.int64)
