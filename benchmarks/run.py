"""Runs the benchmarks and prints a Markdown table per topic: `make bench`.

    python benchmarks/run.py [x12] [fhir] [measures] [memory] [demo] [links] [simulation] [causal] [start] [--quick | --tiny] [--write]

--quick: a twentieth of the size; --tiny: only to see that all of it runs. --write puts the topics that were run into
docs/reference/benchmarks.md, each with the machine and the commit that it ran on; numbers in the pages come only from
there. Exits 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.tables import FULL, QUICK, TINY, Scale, machine  # noqa: E402 - the path comes first

TOPICS = {
    "start": "benchmarks.starting",
    "x12": "benchmarks.x12_peers",
    "fhir": "benchmarks.fhir_peers",
    "measures": "benchmarks.measures.bench",
    "memory": "benchmarks.memory.reading",
    "demo": "benchmarks.demo",
    "simulation": "benchmarks.simulation",
    "links": "benchmarks.links",
    "causal": "benchmarks.causal",
    "people": "benchmarks.people_and_money",
    "templates": "benchmarks.scheduling.templates",
    "clinic": "benchmarks.scheduling.simulator",
    "attendance": "benchmarks.scheduling.attendance",
    "demand": "benchmarks.scheduling.demand",
    "slots": "benchmarks.scheduling.slots",
    "allocation": "benchmarks.scheduling.allocation",
    "booking": "benchmarks.booking.booking",
    "console": "benchmarks.console.pages",
}
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench BENCH_ARGS=--write` (`benchmarks/run.py`); not edited by hand. What counts is the ratio in one run: absolute times
change with the machine and with what else it does. Peers run in environments of their own, from the locks in
`benchmarks/peers/`.
"""


def run(topic: str, scale: Scale) -> tuple[str, list[str]]:
    """The section of one topic, and what missed its target."""
    tables = importlib.import_module(TOPICS[topic]).bench(scale)
    body = "\n\n".join(table.markdown() for table in tables)
    return f"{body}\n\n{machine(scale)}\n", [row for table in tables for row in table.missed]


def write(page: Path, sections: dict[str, str]) -> None:
    """Put the sections into the page, leaving those of topics that were not run."""
    pattern = re.compile(r"<!-- (\w+) -->\n(.*?)<!-- end -->\n", re.S)
    kept = dict(pattern.findall(page.read_text("utf-8"))) if page.exists() else {}
    kept.update({topic: section + "\n" for topic, section in sections.items()})
    text = HEAD + "".join(
        f"\n<!-- {topic} -->\n{kept[topic]}<!-- end -->\n" for topic in TOPICS if topic in kept
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, "utf-8")


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run the benchmarks.")
    parser.add_argument("topics", nargs="*", choices=[*TOPICS, []], help="default: all")
    parser.add_argument("--quick", action="store_const", dest="scale", const=QUICK, default=FULL)
    parser.add_argument("--tiny", action="store_const", dest="scale", const=TINY)
    parser.add_argument("--write", action="store_true", help=f"rewrite {PAGE.relative_to(ROOT)}")
    given = parser.parse_args(words)
    missed: list[str] = []
    for topic in given.topics or TOPICS:
        section, short = run(topic, given.scale)
        print(section, flush=True)
        missed += short
        if given.write:
            write(PAGE, {topic: section})
    for row in missed:
        print(f"target missed: {row}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
