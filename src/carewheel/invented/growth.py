"""New people: who sends them, what finds them, what it costs; contacts and referrals in the book."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from carewheel.invented.book import ACQUISITION_CHANNELS, NONE, BookWriter
from carewheel.invented.draws import Draws, poisson
from carewheel.invented.parameters import parameters
from carewheel.invented.population import Population

Ints = npt.NDArray[np.int64]
DAY = 1440
WORD, REVIEWS, ADS, FLYERS, PROFESSIONAL, WALK_BY = range(len(ACQUISITION_CHANNELS))
PAID_CHANNELS = (ADS, FLYERS)
# At most this many newcomers by one channel in a month; each has its own row of uniforms.
MOST = 200


@dataclass(slots=True)
class Newcomers:
    """People who asked this month: rows of the population for those who will book, and when they asked (minutes)."""

    rows: Ints
    asked: Ints


class Growth:
    """Contacts, referrals and marketing of one place."""

    def __init__(self, draws: Draws, writer: BookWriter, size: float) -> None:
        self.draws, self.writer, self.size = draws, writer, size

    def spend(self, month: int, first: int, end: int, cents: int) -> None:
        """Money to win patients: two paid channels and the pay of those who sell."""
        p = parameters()
        sales = int(cents * p["newcomers.sales_share"])
        ads = int((cents - sales) * 0.72)
        for channel, kind, amount in ((ADS, 0, ads), (FLYERS, 0, cents - sales - ads), (ADS, 1, sales)):
            self.writer.add(
                "spend", channel=channel, kind=kind, starts_day=first, ends_day=end - 1, cents=amount
            )

    def month(
        self,
        month: int,
        first: int,
        end: int,
        population: Population,
        senders: Ints,
        means: npt.NDArray[np.float64],
        extra: int,
    ) -> Newcomers:
        """Those whom ``senders`` (rows) send, those whom the other channels bring (``means`` by channel), ``extra`` more."""
        p = parameters()
        u = self.draws.uniform("newcomers", month, MOST * 8, 3).reshape(8, MOST, 3)
        counts = [min(len(senders), MOST)]
        counts += [min(poisson(u[c, -1, 0], float(means[c])), MOST - 1) for c in range(1, 6)]
        channels = np.concatenate(
            [np.full(n, c) for c, n in enumerate(counts)] + [np.full(min(extra, MOST), WALK_BY)]
        )
        draws = np.concatenate([u[c, :n] for c, n in enumerate(counts)] + [u[6, : min(extra, MOST)]])
        referrer = np.full(len(channels), NONE)
        referrer[: counts[0]] = senders[: counts[0]]
        asked = (
            first * DAY
            + ((draws[:, 0] * (end - first)).astype(np.int64) * DAY)
            + 9 * 60
            + (draws[:, 1] * 420).astype(np.int64)
        )
        books = draws[:, 2] >= p["newcomers.asked_not_booked"]
        if extra:
            books[-min(extra, MOST) :] = True
        days = asked // DAY
        rows = np.full(len(channels), NONE)
        rows[books] = population.join(days[books], channels[books], referrer[books], NONE, month)
        self.writer.add("contact", patient=rows, channel=channels, created_at=asked, became_day=NONE)
        by = np.isin(channels, (WORD, PROFESSIONAL))
        partner = (draws[:, 1] * 3).astype(np.int64)
        self.writer.add(
            "referral", referrer_kind=(channels[by] == PROFESSIONAL).astype(np.int64),
            referrer=np.where(channels[by] == PROFESSIONAL, partner[by], referrer[by]), patient=rows[by],
            referred_day=days[by], booked_day=np.where(books[by], days[by], NONE), kept_day=NONE, paid_day=NONE,
        )  # fmt: skip
        return Newcomers(rows[books], asked[books])
