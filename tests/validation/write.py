"""`make validate`: run the long validations and write their tables to docs/reference/validation.md, each as soon as it is there."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from tests.validation.booking_races import races_section
from tests.validation.causal import causal_section, data_folder
from tests.validation.coverage import coverage
from tests.validation.face_validity import faces, lives_of, shared_data, table
from tests.validation.fault_scores import fault_section
from tests.validation.first_things import first_section
from tests.validation.forecasts import attendance_section, demand_section
from tests.validation.forecasts_durations import durations_section
from tests.validation.link_doubts import doubt_section
from tests.validation.link_learning import link_section
from tests.validation.link_strengths import ACCOUNTING, broken, wrong_signs
from tests.validation.people_and_money import people_and_money_section
from tests.validation.scheduling import (
    exactness_section,
    overbooking_section,
    simulator_section,
    templates_section,
)
from tests.validation.scheduling_day import scheduling_day_section
from tests.validation.simulation import simulation_section
from tests.validation.test_coverage import SEED

from carewheel.catalog.links import links
from carewheel.invented.group import Group
from carewheel.invented.truth import link_truth

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "validation.md"
HEAD = """# Validation

Written by `make validate` (`make validate SECTIONS="links first"` for some of it); do not edit.
"""
REPEATS = 200_000
WORLD_SEED = 7
PLACES, BROKEN_PLACES = 24, 6


def _when(began: float, what: str) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {what}, commit {commit.stdout.strip()}, {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}, "
        f"{time.monotonic() - began:.0f} s."
    )


def intervals() -> tuple[list[str], bool]:
    """How often the intervals hold the truth."""
    began = time.monotonic()
    rows = coverage(REPEATS, SEED)
    lines = [
        "## Intervals",
        "",
        "Samples are drawn from a known truth; the table says how often the 90 % interval of each method holds it.",
        "A method passes if the share lies between its bounds, give or take three sampling errors. Exact Poisson",
        "intervals cover more than they say by design. A short run of the same stands in the tests.",
        "",
        _when(began, f"seed {SEED}, {REPEATS:,} samples a row"),
        "",
        "| Method | Case | Covered | Bounds | |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        mark = "holds" if row.holds else "**does not hold**"
        lines.append(
            f"| {row.method} | {row.case} | {row.covered:.4f} | {row.low:.2f} to {row.high:.2f} | {mark} |"
        )
    return lines, all(row.holds for row in rows)


def looks() -> tuple[list[str], bool]:
    """The invented world beside the figures of the real one."""
    began = time.monotonic()
    data = shared_data()
    rows = faces(lives_of(WORLD_SEED, PLACES, 36), data)
    lines = [
        "",
        "## The invented world beside the real one",
        "",
        "[The invented world](../why/invented-world.md) is made up; this is how near it comes. Bars are ours. Where the",
        "source says assumed, the row only shows that the world does what its parameters say. By itself:",
        "`python -m tests.validation.face_validity [SEED]`.",
        "",
        _when(began, f"{PLACES} places, 36 months, seed {WORLD_SEED}"),
        "",
        table(rows),
    ]
    if data is None:
        lines += ["", "Not compared with the set of Vitoria: `CAREWHEEL_DATA` is not set."]
    return lines, all(row.holds for row in rows)


def strengths(places: int = PLACES, broken_places: int = BROKEN_PLACES) -> tuple[list[str], bool]:
    """Drawn against measured strengths, and every link broken by itself."""
    began = time.monotonic()
    group, workers = Group(WORLD_SEED, places, 36), os.cpu_count() or 1
    found = link_truth(group, workers, places)
    whole = link_truth(group, workers, broken_places)
    lines = [
        "",
        "## Strengths of the invented world: drawn, measured, broken",
        "",
        "Drawn: what the seed gave the mechanism. Measured: what a push of the source does to the target in the twelfth",
        f"month, at {places} places, with its Monte-Carlo error; this is the truth of a world, and it need not equal the drawn",
        f"strength. Broken: what is left when that link alone is broken, at {broken_places} places; it passes within three errors and",
        "0.02 of nought. Moved most: of the other links, the one whose measured strength then changed most, in errors of the",
        f"difference beyond 0.02; 3 is the bar. With {len(links())} times {len(links()) - 1} comparisons of few places a lone",
        "excess is to be expected; it is shown, not explained away.",
        "",
    ]
    head = [
        "",
        "| Link | Kind | Drawn | Measured | Error | Broken | Error | Moved most | |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    rows, holds = [], True
    wrong = wrong_signs(group, found, [name for name in links() if name not in ACCOUNTING])
    for name, link in links().items():
        one = broken(group, name, whole, broken_places, workers)
        fine = one.holds and name not in wrong
        holds &= fine
        rows.append(
            f"| {name} | {link.kind} | {group.strengths[name]:.3f} | {found[name].value:.3f} | {found[name].error:.3f} | "
            f"{one.left.value:.3f} | {one.left.error:.3f} | {one.farthest}: {one.errors:.1f} | "
            f"{'holds' if fine else '**does not hold**'} |"
        )
    when = _when(began, f"seed {WORLD_SEED}")
    return [*lines, when, *head, *rows], holds


Section = Callable[[], tuple[list[str], bool]]


def _faults() -> tuple[list[str], bool]:
    lines, holds = fault_section()
    return ["", *lines], holds


def _causal() -> tuple[list[str], bool]:
    return causal_section(data_folder())


# In the order of the page.
SECTIONS: dict[str, Section] = {
    "intervals": intervals,
    "world": looks,
    "strengths": strengths,
    "faults": _faults,
    "doubts": doubt_section,
    "links": link_section,
    "first": first_section,
    "causal": _causal,
    "simulation": simulation_section,
    "people": people_and_money_section,
    "exactness": exactness_section,
    "templates": templates_section,
    "overbooking": overbooking_section,
    "clinic": simulator_section,
    "day": scheduling_day_section,
    "attendance": attendance_section,
    "demand": demand_section,
    "durations": durations_section,
    "races": races_section,
}


def write(page: Path, made: Mapping[str, list[str]]) -> None:
    """Put the sections into the page, leaving those that were not run."""
    pattern = re.compile(r"<!-- (\w+) -->\n(.*?)<!-- end -->\n", re.S)
    kept = dict(pattern.findall(page.read_text("utf-8"))) if page.exists() else {}
    kept.update({name: "\n".join(lines).strip("\n") + "\n" for name, lines in made.items()})
    text = HEAD + "".join(
        f"\n<!-- {name} -->\n{kept[name]}<!-- end -->\n" for name in SECTIONS if name in kept
    )
    page.write_text(text, "utf-8")


def main(names: Sequence[str]) -> int:
    """Run some sections (all, if none is named), writing each as soon as it is there. 0 if all that is judged holds."""
    if unknown := set(names) - set(SECTIONS):
        print(f"There is no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}.")
        return 2
    fine = True
    for name in names or SECTIONS:
        began = time.monotonic()
        lines, holds = SECTIONS[name]()
        if not any(", commit " in line for line in lines):
            lines = [*lines, "", f"Run: {_when(began, name)}"]
        write(PAGE, {name: lines})
        print("\n".join(lines), flush=True)
        fine &= holds
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
