"""What all writers of formats refuse with."""

from __future__ import annotations


class NotWritable(Exception):
    """Refused before anything was written. ``code``, ``what`` (with the place, never a value) and ``remedy``."""

    def __init__(self, code: str, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.code, self.what, self.remedy = code, what, remedy
