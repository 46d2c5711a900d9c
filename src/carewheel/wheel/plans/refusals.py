"""What a plan can be refused for."""

from __future__ import annotations


class PlanRefused(Exception):
    """A step that cannot be taken, or a plan that cannot be read: ``code`` says why, ``remedy`` what to do.

    >>> print(PlanRefused("plan.unknown", "There is no plan Q9.", "See `carewheel wheel plan list`."))
    There is no plan Q9. See `carewheel wheel plan list`.
    """

    def __init__(self, code: str, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.code = code
        self.what = what
        self.remedy = remedy
