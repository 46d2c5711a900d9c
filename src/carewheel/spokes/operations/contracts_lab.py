"""What the access lab is asked and answers: frozen, without Django."""

from __future__ import annotations

from dataclasses import dataclass

from carewheel.spokes.operations.contracts_template import TemplateReport


@dataclass(frozen=True, slots=True)
class LabState:
    """A question to the lab. ``report``: the answer, None while it is worked out or where none can be given (``why`` says why, in words).

    ``progress``: how far the worker is, 0 to 1, None before it has begun; ``seconds``: since the question was asked.
    """

    report: TemplateReport | None
    why: str
    progress: float | None
    seconds: float

    @property
    def is_open(self) -> bool:
        """Whether it is still being worked out."""
        return self.report is None and not self.why
