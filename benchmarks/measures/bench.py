"""Every computed measure against a query written by hand, over 20 M visits and 20 M lines of money."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measures.facts import MONTHS, write_facts
from benchmarks.measures.timing import ALLOWED
from benchmarks.tables import ROOT, Scale, Table

from carewheel.warehouse.workspace import Workspace

ROWS, PLACES = 20_000_000, 2_000
SECONDS_A_CARD = 3.0
ALLOWED_MEBIBYTES = 2048.0
# A folder in which the facts are kept from run to run: generating them takes minutes.
KEPT = "CAREWHEEL_BENCH_FACTS"


def workspace_of_facts(root: Path, rows: int, places: int) -> Workspace:
    """A workspace whose current facts are the invented ones; as it is, if it is there already."""
    workspace = Workspace(root)
    if workspace.manifest()["current"]:
        return workspace
    paths = write_facts(root / "current" / "1", rows, places)
    manifest = workspace.manifest()
    manifest["current"] = {name: str(path.relative_to(root)) for name, path in paths.items()}
    manifest["invented"] = True
    workspace.commit(manifest)
    return workspace


def bench(scale: Scale) -> list[Table]:
    rows, places = scale.of(ROWS, 1_000), scale.of(PLACES, 4)
    table = Table(
        "Measures over many facts",
        f"each at most {ALLOWED} × a query written by hand for the same result (values and n by place and month, by month, by place, "
        f"in total, by label), with equal answers; all together within {ALLOWED_MEBIBYTES:,.0f} MiB",
        ("measure", "CareWheel, s", "by hand, s", "ratio", "rounds", "equal rows", "met"),
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(os.environ.get(KEPT, folder)) / f"facts-{rows}"
        workspace = workspace_of_facts(root, rows, places)
        out = Path(folder) / "answer.json"
        budget = SECONDS_A_CARD if scale.share > 0.01 else 0.0
        command = [
            sys.executable,
            "-m",
            "benchmarks.measures.timing",
            str(workspace.root),
            str(out),
            str(budget),
        ]
        subprocess.run(command, check=True, cwd=ROOT, stderr=subprocess.DEVNULL)
        answer = json.loads(out.read_text())
    for card in answer["cards"]:
        different = len(card["unequal"])
        table.add(
            card["id"],
            f"{card['ours']:.3f}",
            f"{card['theirs']:.3f}",
            f"{card['ratio']:.2f}",
            str(card["rounds"]),
            f"{card['equal']:,}" + (f", **{different} or more not**" if different else ""),
            met=card["ratio"] <= ALLOWED and not different,
        )
    table.add(
        "all, peak memory (MiB)",
        f"{answer['peak']:,.0f}",
        "–",
        "–",
        "–",
        "–",
        met=answer["peak"] <= ALLOWED_MEBIBYTES,
    )
    table.missed += [f"{card} has no query by hand" for card in answer["lacking"]]
    table.remarks = (
        f"{rows:,} appointments, {rows // 2:,} charges and {rows // 2:,} payments, {places:,} places × {MONTHS} months, the other tables in "
        "proportion (`benchmarks/measures/facts.py`), through the views of a workspace. CareWheel: SQL, intervals and all series; by hand "
        "(`benchmarks/measures/by_hand.py`): SQL and fetching, no intervals. Wall time, median of the rounds, in turns; the peak is that of the "
        "one process that ran both."
    )
    return [table]
