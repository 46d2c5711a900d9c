"""What a small file says, read strictly: clock times, numbers, words and lists, with the place of the mistake in the refusal."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from carewheel.science.refusal import CannotTell

CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)")


class Given:
    """A table of a file. Every key must be asked for in the end: `done` refuses those that nobody knows."""

    def __init__(self, where: str, value: object) -> None:
        if not isinstance(value, Mapping):
            raise CannotTell("not-a-table", {"where": where}, "see the example in the guide access-day")
        self.where, self._value = where, dict(value)
        self._asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self._asked.add(key)
        return self._value.get(key, default)

    def refuse(self, key: str, remedy: str) -> CannotTell:
        return CannotTell("file", {"where": self.where, "key": key}, remedy)

    def word(self, key: str, default: str | None = None) -> str:
        found = self.get(key, default)
        if not isinstance(found, str) or (default is None and not found.strip()):
            raise self.refuse(key, "give a word")
        return found

    def words(self, key: str) -> frozenset[str]:
        found = self.get(key, [])
        if (
            not isinstance(found, Sequence)
            or isinstance(found, str)
            or not all(isinstance(x, str) for x in found)
        ):
            raise self.refuse(key, "give a list of words")
        return frozenset(found)

    def number(self, key: str, default: float | None = None) -> float:
        found = self.get(key, default)
        if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found):
            raise self.refuse(key, "give a finite number")
        return float(found)

    def whole(self, key: str, default: int | None = None) -> int:
        found = self.number(key, default)
        if found != int(found):
            raise self.refuse(key, "give a whole number")
        return int(found)

    def flag(self, key: str) -> bool:
        found = self.get(key, False)
        if not isinstance(found, bool):
            raise self.refuse(key, "give true or false")
        return found

    def minute(self, key: str, default: int | None = None) -> int:
        return self.clock(key, self.get(key, default))

    def maybe(self, key: str) -> int | None:
        found = self.get(key)
        return None if found is None else self.clock(key, found)

    def clock(self, key: str, value: object) -> int:
        """Minutes of "HH:MM" (hours beyond 24 are of the next days) or of a whole number of minutes."""
        if isinstance(value, str) and (read := CLOCK.fullmatch(value.strip())):
            return 60 * int(read[1]) + int(read[2])
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.refuse(key, "give a time such as 09:30 or minutes from 0 on")
        return value

    def many(self, key: str) -> list[Given]:
        found = self.get(key, [])
        if not isinstance(found, Sequence) or isinstance(found, str):
            raise self.refuse(key, "give a list of tables")
        return [Given(f"{self.where} {key} {i + 1}".strip(), x) for i, x in enumerate(found)]

    def done(self) -> None:
        """Refuse keys that were not asked for: a slip of the pen would change the plan without a word."""
        unknown = sorted(set(self._value) - self._asked)
        if unknown:
            raise self.refuse(
                unknown[0], f"this key is not known; known are {', '.join(sorted(self._asked))}"
            )


def told(minute: float) -> str:
    """A minute as the clock shows it.

    >>> told(570.4)
    '09:30'
    """
    whole = round(minute)
    return f"{whole // 60:02d}:{whole % 60:02d}"
