"""`make validate`: run the long validations and write their table to docs/reference/validation.md."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from tests.validation.coverage import coverage
from tests.validation.test_coverage import SEED

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "validation.md"
REPEATS = 200_000


def page() -> tuple[str, bool]:
    """The page, and whether everything holds."""
    began = time.monotonic()
    rows = coverage(REPEATS, SEED)
    seconds = time.monotonic() - began
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    lines = [
        "# Validation of the intervals",
        "",
        "Written by `make validate`; do not edit. Samples are drawn from a known truth; the table says how often the 90 %",
        "interval of each method holds it. A method passes if the share lies between its bounds, give or take three",
        "sampling errors. Exact Poisson intervals cover more than they say by design. A short run of the same stands in the tests.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, seed {SEED}, {REPEATS:,} samples a row, commit {commit.stdout.strip()}, "
        f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}, {seconds:.0f} s.",
        "",
        "| Method | Case | Covered | Bounds | |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        mark = "holds" if row.holds else "**does not hold**"
        lines.append(
            f"| {row.method} | {row.case} | {row.covered:.4f} | {row.low:.2f} to {row.high:.2f} | {mark} |"
        )
    return "\n".join(lines) + "\n", all(row.holds for row in rows)


if __name__ == "__main__":
    text, holds = page()
    PAGE.write_text(text, "utf-8")
    print(text)
    sys.exit(0 if holds else 1)
