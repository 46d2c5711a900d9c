"""Every refusal of the book is in docs/reference/booking.md, and none that is not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from carewheel.spokes.operations import occupying

ROOT = Path(__file__).parents[2]


def test_every_refusal_is_documented_and_no_other() -> None:
    said = {occupying.LEAVE, occupying.NOT_ABLE, occupying.OUTSIDE}
    for path in (ROOT / "src" / "carewheel" / "spokes" / "operations").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Refused", "Conflict"):
                said |= {part.value for part in node.args[:1] if isinstance(part, ast.Constant)}
    page = (ROOT / "docs" / "reference" / "booking.md").read_text("utf-8")
    cells = re.findall(r"^\| (`[^|]+`) \|", page, re.MULTILINE)
    assert {code for cell in cells for code in re.findall(r"`([a-z-]+)`", cell)} == said
    assert len(said) > 30
