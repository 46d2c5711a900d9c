"""What a purchase can be refused for."""

from __future__ import annotations


class PurchaseRefused(Exception):
    """A purchase that cannot be read or weighed: ``code`` says why, ``remedy`` what to do.

    >>> print(PurchaseRefused("purchase.unknown", "There is no key 'prize'.", "Keys are: price."))
    There is no key 'prize'. Keys are: price.
    """

    def __init__(self, code: str, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.code = code
        self.what = what
        self.remedy = remedy
