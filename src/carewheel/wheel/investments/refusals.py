"""What a purchase can be refused for."""

from __future__ import annotations


class PurchaseRefused(Exception):
    """A purchase that cannot be read or weighed: ``code`` says why, ``remedy`` what to do.

    ``at``: the figure that is refused ("price amount", "months"; "effect 0" for anything of the first effect), "" where it is none alone;
    ``bounds``: between which it must lie, where that is all.

    >>> print(PurchaseRefused("purchase.unknown", "There is no key 'prize'.", "Keys are: price."))
    There is no key 'prize'. Keys are: price.
    """

    def __init__(
        self, code: str, what: str, remedy: str, *, at: str = "", bounds: tuple[float, float] | None = None
    ) -> None:  # fmt: skip
        super().__init__(f"{what} {remedy}")
        self.code = code
        self.what = what
        self.remedy = remedy
        self.at = at
        self.bounds = bounds
