"""The people who work at an invented place: strain, contentment, leaving, hiring, pulses, training, recognition, pay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from carewheel.invented.book import NONE, PULSE_QUESTIONS, PULSE_SCALES, ROLES, BookWriter
from carewheel.invented.draws import Draws, normal
from carewheel.invented.parameters import parameters

Ints = npt.NDArray[np.int64]
SLOTS = 40  # people that one month's uniforms are drawn for; a place has fewer


@dataclass(slots=True)
class Member:
    """One employment. ``seat``: the place in the team that it fills; a seat keeps its random numbers."""

    seat: int
    role: int
    started_day: int
    fte: float
    is_provider: int
    ended_day: int = NONE
    end_kind: int = 0
    row: int = NONE


@dataclass(slots=True)
class Mood:
    """What the links make of the team this month, in points of the pulse: burnout 0 to 100, engagement 0 to 100."""

    burnout: float
    engagement: float
    training_hours_a_year: float


class Team:
    """The team of one place. Seats stay; people come and go."""

    def __init__(self, draws: Draws, writer: BookWriter, provider_roles: list[int], first_day: int) -> None:
        self.draws, self.writer = draws, writer
        p = parameters()
        support = max(2, round(p["team.support_per_provider"] * len(provider_roles)))
        desk = max(1, round(support * 0.45))
        assistant, front = ROLES.index("assistant"), ROLES.index("front-desk")
        roles = [*provider_roles, *[front] * desk, *[assistant] * (support - desk)]
        u = draws.uniform("team", 0, SLOTS, 4)
        self.offset_burnout = 5.0 * float(normal(u[:1, 2])[0])
        self.offset_engagement = 4.0 * float(normal(u[1:2, 2])[0])
        self.seats: list[Member | None] = []
        self.vacant_until: list[int] = []
        self.members: list[Member] = []
        for seat, role in enumerate(roles):
            started = first_day - 30 - int(-1500 * np.log1p(-u[seat, 0] * 0.97))
            is_provider = int(seat < len(provider_roles))
            self.seats.append(
                self._take(Member(seat, role, started, 1.0 if u[seat, 1] < 0.8 else 0.6, is_provider))
            )
            self.vacant_until.append(0)

    def _take(self, member: Member) -> Member:
        member.row = len(self.members)
        self.members.append(member)
        return member

    @property
    def present(self) -> list[Member]:
        return [member for member in self.seats if member is not None]

    def clerks(self) -> int:
        """People at the front desk now; at least one, somebody always stands in."""
        return max(1, sum(m.role == ROLES.index("front-desk") for m in self.present))

    def holders(self, seats: Ints, days: Ints) -> Ints:
        """The staff row of whoever holds each provider's seat on each day (the first one before anybody started)."""
        rows = np.full(len(seats), NONE)
        for seat in np.unique(seats):
            spells = [(m.started_day, m.row) for m in self.members if m.seat == seat]
            here = seats == seat
            at = np.searchsorted([started for started, _ in spells], days[here], side="right") - 1
            rows[here] = np.array([row for _, row in spells])[np.maximum(at, 0)]
        return rows

    def known_on(self, last_day: int) -> Ints:
        """For each staff row the row of the one who holds that seat as ``last_day`` knows it: successors are not known yet."""
        rows = np.arange(len(self.members))
        for member in self.members:
            if member.started_day > last_day:
                rows[member.row] = max(
                    (m.row for m in self.members if m.seat == member.seat and m.started_day <= last_day),
                    default=member.row,
                )
        return rows

    def month(self, month: int, first: int, end: int, mood: Mood) -> tuple[int, float]:
        """Leaving, hiring, pulses, training and recognition; returns leavers and person-years of the month."""
        p = parameters()
        u = self.draws.uniform("team month", month + 1, SLOTS, 16)
        days = end - first
        strain = (mood.burnout - 40.0) / 12.0
        content = (mood.engagement - 70.0) / 10.0
        ratio = np.exp(np.log(p["team.burnout_rate_ratio"]) / 2 * strain - 0.25 * content)
        leavers, worked = 0, 0
        for seat, member in enumerate(self.seats):
            if member is None:
                if first <= self.vacant_until[seat] < end:
                    start = self.vacant_until[seat]
                    role = next(m.role for m in reversed(self.members) if m.seat == seat)
                    self.seats[seat] = self._take(
                        Member(seat, role, start, 1.0 if u[seat, 9] < 0.8 else 0.6, 0)
                    )
                    worked += end - start
                continue
            base = p["team.leaving_of_providers" if member.is_provider else "team.leaving_a_year"]
            hazard = -np.log(1 - base) / 12 * ratio
            if u[seat, 0] < hazard:
                leavers += 1
                member.ended_day = first + int(u[seat, 1] * days)
                member.end_kind = 2 if u[seat, 2] < 0.12 else 3 if u[seat, 2] < 0.22 else 1
                worked += member.ended_day - first + 1
                if member.is_provider:
                    # Patients are seen on: the successor starts the next day.
                    self.seats[seat] = self._take(
                        Member(seat, member.role, member.ended_day + 1, member.fte, 1)
                    )
                    worked += end - member.ended_day - 1
                else:
                    self.seats[seat] = None
                    self.vacant_until[seat] = (
                        member.ended_day
                        + 20
                        + int(-(p["team.hiring_days"] - 20) * np.log1p(-u[seat, 3] * 0.99))
                    )
                    self.vacant_until[seat] = max(self.vacant_until[seat], end)
                continue
            worked += days
        self._pulses(u, first, days, mood)
        self._learning(u, first, days, mood)
        return leavers, worked / 365.25

    def _pulses(self, u: npt.NDArray[np.float64], first: int, days: int, mood: Mood) -> None:
        people = [m for m in self.present if u[m.seat, 4] < parameters()["team.pulse_share"]]
        if not people:
            return
        seats = np.array([m.seat for m in people])
        noise = normal(u[seats, 5:8])
        latent = (
            6.6 + (mood.engagement - 70) / 8 + 1.6 * noise[:, 0],
            1 + mood.engagement / 25 + 0.7 * noise[:, 1],
            1 + mood.burnout / 25 + 0.8 * noise[:, 2],
        )
        for question, value in enumerate(latent):
            low, high = PULSE_SCALES[question]
            self.writer.add(
                "pulse", question=question, score=np.clip(np.round(value), low, high), day=first + days // 2
            )
        assert len(latent) == len(PULSE_QUESTIONS)

    def _learning(self, u: npt.NDArray[np.float64], first: int, days: int, mood: Mood) -> None:
        for member in self.present:
            v = u[member.seat]
            hours = 4.0 + 4.0 * (v[10] < 0.5)
            if v[8] < mood.training_hours_a_year / 12 / 6.0 * 1.08 and member.started_day < first:
                assigned = first + int(v[11] * days)
                done = assigned + 5 + int(v[12] * 20) if v[13] < 0.93 else NONE
                self.writer.add(
                    "training", staff=member.row, course=int(v[14] * 4), hours=hours, assigned_day=assigned,
                    completed_day=done, cents=int(hours * 2500),
                )  # fmt: skip
            if v[15] < parameters()["team.recognition_a_month"] and member.started_day < first:
                self.writer.add(
                    "recognition", staff=member.row, kind=int(v[14] < 0.4), day=first + int(v[13] * days)
                )

    def pay(self, worked: list[float]) -> int:
        """Pay of the month in cents; ``worked``: share of a full week by provider's seat, everybody else as employed."""
        rates = parameters()["team.pay_a_month"]
        shares = (worked[m.seat] if m.is_provider else m.fte for m in self.present)
        return int(sum(rates[m.role] * s for m, s in zip(self.present, shares, strict=True)) * 100)

    def close(self) -> None:
        """Write everybody's employment into the book."""
        members = self.members
        self.writer.add(
            "staff",
            role=np.array([m.role for m in members]),
            started_day=np.array([m.started_day for m in members]),
            ended_day=np.array([m.ended_day for m in members]),
            end_kind=np.array([m.end_kind for m in members]),
            fte=np.array([m.fte for m in members]),
            is_provider=np.array([m.is_provider for m in members]),
        )
