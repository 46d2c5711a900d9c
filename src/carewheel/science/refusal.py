"""When the data cannot tell: the typed refusal of every method."""

from __future__ import annotations

from collections.abc import Mapping


class CannotTell(ValueError):
    """The data cannot answer: ``code`` says why in one word, ``data`` holds the figures, ``remedy`` what would help.

    >>> raise CannotTell("too-few-months", {"months": 3, "needed": 8}, "wait until 8 months are there")
    Traceback (most recent call last):
    carewheel.science.refusal.CannotTell: too-few-months (months 3, needed 8): wait until 8 months are there
    """

    def __init__(self, code: str, data: Mapping[str, float | int | str], remedy: str) -> None:
        self.code = code
        self.data = dict(data)
        self.remedy = remedy
        figures = ", ".join(f"{key} {value}" for key, value in self.data.items())
        super().__init__(f"{code} ({figures}): {remedy}" if figures else f"{code}: {remedy}")

    def __reduce__(self) -> tuple[type[CannotTell], tuple[str, dict[str, float | int | str], str]]:
        return (type(self), (self.code, self.data, self.remedy))
