"""The invented group: how many places, when, what is changed on purpose, and the shocks that all places share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt

from carewheel.catalog.links import links
from carewheel.catalog.plays import plays
from carewheel.invented.book import LocationFacts, Words, day_number, to_date
from carewheel.invented.draws import Draws, normal
from carewheel.invented.parameters import parameters
from carewheel.invented.places import make_location, make_words

# Simulated beyond the window, so that the book of the last day holds what was booked ahead of it.
MONTHS_AHEAD = 2
# Claims speak ICD-10-CM, which began in October 2015, and the oldest patients of the longest window are born after 1900;
# numbers in truth.json that other programs read exactly end at 2 to the power of 53.
YEARS = range(2015, 2100)
SEED_BELOW = 2**53


class DemoRefused(ValueError):
    """The demo cannot be made as asked: ``code``, what, and the ``remedy``."""

    def __init__(self, code: str, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.code, self.what, self.remedy = code, what, remedy


@dataclass(frozen=True, slots=True)
class PlannedPlay:
    """A play of the catalog that starts in ``month`` (number of the window's month) at some locations (numbers from 1)."""

    play: str
    month: int
    locations: tuple[int, ...]


@dataclass(frozen=True)
class Group:
    """Everything that determines an invented group. ``months`` end with the month of ``until`` (a month's last day).

    >>> group = Group(seed=7, locations=2, months=12)
    >>> group.first_date, group.last_date
    (datetime.date(2025, 1, 1), datetime.date(2025, 12, 31))
    """

    seed: int
    locations: int
    months: int
    dental_share: float = 0.5
    weaken: dict[str, float] = field(default_factory=dict)
    plays: tuple[PlannedPlay, ...] = ()
    until: date = date(2025, 12, 31)

    def __post_init__(self) -> None:
        if not 1 <= self.locations <= 5000 or not 3 <= self.months <= 120:
            raise DemoRefused(
                "demo.size",
                "A group has 1 to 5,000 locations and 3 to 120 months.",
                "Give other numbers with --locations and --months.",
            )
        if not 0 <= self.dental_share <= 1:
            raise DemoRefused(
                "demo.share", "--dental-share is a share from 0 to 1.", "Give for example --dental-share 0.5."
            )
        if abs(self.seed) >= SEED_BELOW:
            raise DemoRefused(
                "demo.seed",
                "The seed has more than 15 digits.",
                "Give a smaller number, for example --seed 7.",
            )
        if self.until.year not in YEARS:
            raise DemoRefused(
                "demo.until",
                f"The window ends in a year from {YEARS[0]} to {YEARS[-1]}.",
                "Give for example --until 2025-12-31.",
            )
        if (self.until + timedelta(days=1)).day != 1:
            raise DemoRefused(
                "demo.until",
                "The window ends on the last day of a month.",
                "Give for example --until 2025-12-31.",
            )
        for name in self.weaken:
            if name not in links():
                raise DemoRefused(
                    "demo.link", f"There is no link {name!r}.", f"Links are: {', '.join(links())}."
                )
        started = [(planned.play, number) for planned in self.plays for number in planned.locations]
        twice = sorted({pair for pair in started if started.count(pair) > 1})
        if twice:
            raise DemoRefused(
                "demo.play",
                f"The play {twice[0][0]} is asked for twice at loc{twice[0][1]}.",
                "A play starts once at a place; leave one out.",
            )

    @cached_property
    def first_date(self) -> date:
        number = self.until.year * 12 + self.until.month - self.months
        return date(number // 12, number % 12 + 1, 1)

    @property
    def last_date(self) -> date:
        return self.until

    @cached_property
    def month_starts(self) -> npt.NDArray[np.int64]:
        """First day (number) of every simulated month, and the day after the last one."""
        first = self.first_date.year * 12 + self.first_date.month - 1
        return np.array(
            [
                day_number(date((first + m) // 12, (first + m) % 12 + 1, 1))
                for m in range(self.months + MONTHS_AHEAD + 1)
            ]
        )

    @cached_property
    def draws(self) -> Draws:
        return Draws(self.seed, "")

    @cached_property
    def strengths(self) -> dict[str, float]:
        """One strength a link, drawn for this seed from the catalog's assumed priors; the sign of the mean is kept."""
        uniforms = self.draws.uniform("strengths", 0, len(links()), 1)[:, 0]
        drawn = {}
        for u, link in zip(uniforms, links().values(), strict=True):
            size = abs(link.assumed.mean) + link.assumed.sd * float(normal(np.array([u]))[0])
            drawn[link.id] = float(np.sign(link.assumed.mean) * max(size, 0.2 * abs(link.assumed.mean)))
        return drawn

    @cached_property
    def words(self) -> Words:
        return make_words(self.plays)

    def location(self, number: int) -> LocationFacts:
        """What location ``number`` (from 1) is; dental and medical places alternate as the share wants it."""
        dental = int(number * self.dental_share + 1e-9) > int((number - 1) * self.dental_share + 1e-9)
        return make_location(number, "dental" if dental else "medical", Draws(self.seed, f"loc{number}"))

    @cached_property
    def slow_payer(self) -> tuple[int, int, int]:
        """Which payer decides late, and the first and last day of it; one spell a group."""
        u = self.draws.uniform("slow payer", 0, 1, 2)[0]
        start = int(
            self.month_starts[0] + (0.2 + 0.6 * u[0]) * (self.month_starts[-1] - self.month_starts[0])
        )
        return int(u[1] * 2), start, start + 122

    @cached_property
    def flu_months(self) -> frozenset[int]:
        """Window months with a flu wave: one a winter, in December, January or February."""
        found = set()
        winters: dict[int, list[int]] = {}
        for m, start in enumerate(self.month_starts[:-1]):
            day = to_date(int(start))
            if day.month in (12, 1, 2):
                winters.setdefault(day.year + (day.month == 12), []).append(m)
        for year, months in winters.items():
            u = self.draws.uniform("flu", year, 1, 1)[0, 0]
            found.add(months[int(u * len(months))])
        return frozenset(found)

    def season(self, month: int, kind: str) -> float:
        """Visits wanted this month against an average month."""
        p = parameters()
        day = to_date(int(self.month_starts[month]))
        factor: float = p["shocks.season"][day.month - 1] * (1 + p["shocks.trend_a_year"]) ** (month / 12)
        if kind == "medical" and month in self.flu_months:
            factor *= 1 + p["shocks.flu_wave"]
        return factor

    def without_plays(self) -> Group:
        """The same group in which nothing was changed on purpose."""
        return replace(self, plays=())


def planned_play(text: str, group_first: date, months: int, locations: int) -> PlannedPlay:
    """Read ``Q2@2025-03:loc2,loc5`` (no locations: everywhere).

    >>> planned_play("Q2@2025-03:loc2", date(2025, 1, 1), 12, 2)
    PlannedPlay(play='Q2', month=2, locations=(2,))
    """
    match = re.fullmatch(r"(\w+)@(\d{4})-(\d{2})(?::(loc\d+(?:,loc\d+)*))?", text)
    remedy = "Write PLAY@YEAR-MONTH:loc1,loc2, for example Q2@2025-03:loc2,loc5."
    if match is None:
        raise DemoRefused("demo.play", f"{text!r} is no planned play.", remedy)
    name, year, month, places = match.groups()
    if name not in plays():
        raise DemoRefused("demo.play", f"There is no play {name!r}.", f"Plays are: {', '.join(plays())}.")
    number = (int(year) - group_first.year) * 12 + int(month) - group_first.month
    if not 0 <= number < months or not 1 <= int(month) <= 12:
        raise DemoRefused("demo.play", f"{text!r} starts outside the window.", "Give a month within it.")
    numbers = tuple(int(p[3:]) for p in places.split(",")) if places else tuple(range(1, locations + 1))
    if any(not 1 <= n <= locations for n in numbers):
        raise DemoRefused(
            "demo.play",
            f"{text!r} names a place that the group has not.",
            f"Places are loc1 to loc{locations}.",
        )
    return PlannedPlay(name, number, numbers)
