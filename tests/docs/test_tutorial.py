"""The tutorial does what it says: its shell blocks run in order, and what it quotes is what the product prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial" / "first-turn.md"
BLOCK = re.compile(r"(?:<!-- exit (\d+) -->\n)?```sh\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
MARK = "::block-ended "


@dataclass(frozen=True)
class Step:
    commands: str
    expected_exit: int
    quoted: str


def steps() -> list[Step]:
    return [
        Step(commands, int(code or 0), quoted)
        for code, commands, quoted in BLOCK.findall(PAGE.read_text("utf-8"))
    ]


def printed(home: Path, wanted: list[Step]) -> list[tuple[str, int]]:
    """What each block printed and its exit code, all run by one shell as a reader would."""
    script = "".join(f'{{\n{step.commands}}} ; echo "{MARK}$?"\n' for step in wanted)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("CAREWHEEL_")},
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    outcome = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    parts = re.split(rf"{MARK}(\d+)\n", outcome.stdout)
    return [(text, int(code)) for text, code in zip(parts[::2], parts[1::2], strict=False)]


def fits(quoted: str, text: str) -> bool:
    """Whether ``text`` reads as ``quoted``; an ellipsis stands for anything."""
    pattern = ".*".join(
        re.escape(part.strip("\n") if "\n" in part else part) for part in quoted.strip().split("…")
    )
    return re.fullmatch(r"\s*" + pattern + r"\s*", text, re.DOTALL) is not None


def test_every_block_of_the_tutorial_runs_and_prints_what_the_page_quotes(tmp_path: Path) -> None:
    wanted = steps()
    assert len(wanted) >= 10
    found = printed(tmp_path, wanted)
    assert len(found) == len(wanted)
    for step, (text, code) in zip(wanted, found, strict=True):
        assert code == step.expected_exit, f"{step.commands}\n{text}"
        if step.quoted:
            assert fits(step.quoted, text), f"{step.commands}\nquoted:\n{step.quoted}\nprinted:\n{text}"


def test_the_score_of_the_tutorial_is_that_of_its_answers() -> None:
    rows = (PAGE.parent / "clinic" / "answers.csv").read_text("utf-8").splitlines()
    inside = [int(row.split(",")[3]) for row in rows if row.split(",")[1] < "2025-03"]
    promoters, detractors = sum(score >= 9 for score in inside), sum(score <= 6 for score in inside)
    assert (len(rows), len(inside), promoters, detractors) == (32, 26, 12, 5)
    assert round(100 * (promoters - detractors) / len(inside)) == 27


def test_the_no_show_rates_of_the_tutorial_are_those_of_its_file() -> None:
    rows = (PAGE.parent / "clinic" / "visits-april.csv").read_text("utf-8").splitlines()[1:]
    for month, n, rate in (("2025-01", 52, "0.0576"), ("2025-02", 46, "0.1304"), ("2025-03", 49, "0.1224")):
        mine = [row.split(",")[-1] for row in rows if row.split(",")[3].startswith(month)]
        came = sum(outcome in ("Completed", "No Show") for outcome in mine)
        assert came == n
        assert f"{mine.count('No Show') / came:.6f}".startswith(rate)
