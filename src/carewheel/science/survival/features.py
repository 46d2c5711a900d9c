"""What is known of people, as columns for a regression: numbers, and kinds that are pulled towards their average."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Features:
    """Columns (people, columns) with their names; ``pool`` (columns,): the number of the factor that a column's coefficient is pooled
    with, -1 for a coefficient by itself.
    """

    values: Floats
    names: tuple[str, ...]
    pool: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Coding:
    """How people become columns; made by `coding`, so that new people get the same columns."""

    centres: dict[str, tuple[float, float]]
    kinds: dict[str, tuple[str, ...]]
    pooled: bool

    def features(self, numbers: Mapping[str, ArrayLike], factors: Mapping[str, ArrayLike]) -> Features:
        """The columns of these people. A kind that was not there before has noughts: the average of its factor.

        Raises `CannotTell` where a number or factor is missing or has a shape or value that cannot be.
        """
        columns: list[Floats] = []
        names: list[str] = []
        pool: list[int] = []
        people = {np.asarray(part).shape for part in (*numbers.values(), *factors.values())}
        if len(people) != 1 or len(next(iter(people))) != 1:
            raise CannotTell("not-features", {"shapes": str(sorted(people))}, "give one value a person")
        if set(numbers) != set(self.centres) or set(factors) != set(self.kinds):
            raise CannotTell("not-features", {"names": str([*numbers, *factors])}, "give the same as before")
        for name, (middle, scale) in self.centres.items():
            number = np.asarray(numbers[name], dtype=np.float64)
            if not np.isfinite(number).all():
                raise CannotTell("not-finite", {"what": name}, "leave out people of whom it is unknown")
            columns.append((number - middle) / scale)
            names.append(name)
            pool.append(0 if self.pooled else -1)
        for place, (name, kinds) in enumerate(self.kinds.items(), start=1):
            words = np.asarray(factors[name]).astype(str)
            columns += [(words == kind).astype(np.float64) for kind in kinds]
            names += [f"{name} {kind}" for kind in kinds]
            pool += [place] * len(kinds)
        count = next(iter(people))[0]
        values = np.column_stack(columns) if columns else np.zeros((count, 0))
        return Features(values, tuple(names), np.array(pool, dtype=np.int64))


def coding(
    numbers: Mapping[str, ArrayLike], factors: Mapping[str, ArrayLike], *, pool_numbers: bool = True
) -> Coding:
    """Learn the columns from these people: numbers are put on a scale of mean 0 and sd 1, each kind of a factor (a team, a job) gets a column.

    With ``pool_numbers`` the coefficients of the numbers are pulled towards nought together; those of a factor's kinds always are.

    >>> found = coding({"age": [30, 40, 50]}, {"team": ["a", "b", "a"]})
    >>> found.features({"age": [40]}, {"team": ["c"]}).values.tolist()
    [[0.0, 0.0, 0.0]]
    """
    centres = {}
    for name, given in numbers.items():
        number = np.asarray(given, dtype=np.float64)
        if number.ndim != 1 or number.size == 0 or not np.isfinite(number).all():
            raise CannotTell("not-finite", {"what": name}, "leave out people of whom it is unknown")
        scale = float(number.std())
        centres[name] = (float(number.mean()), scale if scale > 0 else 1.0)
    kinds = {name: tuple(sorted(set(np.asarray(given).astype(str)))) for name, given in factors.items()}
    return Coding(centres, kinds, pool_numbers)
