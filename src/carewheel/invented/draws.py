"""Random numbers that stay where they are: one stream a seed, location, purpose and month (common random numbers).

A change in one part of the world then shifts no draw anywhere else, so two worlds that differ in one cause can be
compared person by person. Rows are persons, claims or slots in the order of their numbers; more rows leave the first
ones as they were.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]


class Draws:
    """The random streams of one location (or, for ``location`` "", of the whole group).

    >>> one, more = Draws(7, "loc1"), Draws(7, "loc1")
    >>> bool((one.uniform("visits", 3, 5, 2) == more.uniform("visits", 3, 9, 2)[:5]).all())
    True
    """

    def __init__(self, seed: int, location: str) -> None:
        self._prefix = f"carewheel|{seed}|{location}|"

    def stream(self, purpose: str, month: int = 0) -> np.random.Generator:
        """The generator of a purpose in a month."""
        digest = blake2b(f"{self._prefix}{purpose}|{month}".encode(), digest_size=16).digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))

    def uniform(self, purpose: str, month: int, rows: int, columns: int) -> Floats:
        """Uniforms of shape (rows, columns)."""
        return self.stream(purpose, month).random((rows, columns))


def normal(uniforms: Floats) -> Floats:
    """Standard normal quantiles of uniforms."""
    return np.asarray(special.ndtri(np.clip(uniforms, 1e-12, 1 - 1e-12)), dtype=float)


def poisson(uniform: float, mean: float) -> int:
    """The Poisson quantile: it never falls when the mean rises.

    >>> poisson(0.5, 10.0), poisson(0.5, 12.0)
    (10, 12)
    """
    return int(np.ceil(special.pdtrik(min(max(uniform, 1e-12), 1 - 1e-12), max(mean, 1e-9)) - 1e-9))


def chosen(uniforms: Floats, shares: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Index into ``shares`` for each uniform; ``len(shares)`` where the shares do not reach it.

    >>> chosen(np.array([0.1, 0.5, 0.95]), [0.4, 0.5]).tolist()
    [0, 1, 2]
    """
    return np.searchsorted(np.cumsum(shares), uniforms, side="right").astype(np.int64)
