"""Logs that can be read by whoever runs the machine: where something broke, and nothing about whom."""

from __future__ import annotations

import logging
import re
import traceback
from types import TracebackType

# The secrets of patients' links stand in addresses, which Django logs.
_LINK = re.compile(r"(/(?:my-visit|offer|key)/)[^\s/]+")


class Discreet(logging.Formatter):
    """One line, links cut; of an error its class and where it was raised, never its text: databases quote the row that they refuse."""

    def format(self, record: logging.LogRecord) -> str:
        # What another handler has made of the error is kept with the record.
        record.exc_text = None
        return _LINK.sub(r"\1…", super().format(record))

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        lines: list[str] = []
        error = ei[1]
        while error is not None:
            lines += [*traceback.format_tb(error.__traceback__), type(error).__name__ + "\n"]
            error = error.__cause__ or error.__context__
        return "".join(lines).rstrip()
