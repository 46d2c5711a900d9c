"""What a model or its numbers can be refused for."""

from __future__ import annotations

from typing import Any


class Refusal(ValueError):
    """A model, or numbers for it, that cannot be worked with: ``code``, ``data`` that name the fault, ``remedy``.

    Codes: ``syntax``, ``name``, ``duplicate``, ``unknown``, ``circular``, ``time_step``, ``not_finite``, ``lookup``,
    ``flow``, ``unit``, ``shape``, ``too_many_loops``, ``missing_extra``, ``practice``, ``move``, ``strengths``.

    >>> print(Refusal("unknown", "A name is not in the model.", "Correct it.", name="wiat"))
    A name is not in the model. Correct it. (name: wiat)
    """

    def __init__(self, code: str, message: str, remedy: str, **data: Any) -> None:
        self.code, self.message, self.remedy, self.data = code, message, remedy, data
        detail = ", ".join(f"{key}: {value}" for key, value in data.items())
        super().__init__(f"{message} {remedy} ({detail})" if detail else f"{message} {remedy}")
