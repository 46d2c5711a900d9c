"""Treatment that was proposed at dental examinations, and the later visit at which it was done, if it was."""

from __future__ import annotations

import numpy as np

from carewheel.invented.book import NONE, TABLES, Table
from carewheel.invented.draws import Draws

EXAMINATION, TREATMENT = 2, 3
PROPOSED = (4, 5, 8)
SHARE = 0.6


def propose(
    closed: dict[str, Table], draws: Draws, prices: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> Table:
    """Proposals of kept examinations. A proposal is done by the first line of the patient's next treatment visit that
    no earlier proposal took; it then has that line's code and price."""
    visit, line = closed["visit"], closed["line"]
    kept = visit["status"] == 1
    exams = np.flatnonzero(kept & (visit["kind"] == EXAMINATION))
    exams = exams[draws.uniform("proposals", 0, len(exams), 1)[:, 0] < SHARE]
    treatments = np.flatnonzero(kept & (visit["kind"] == TREATMENT))
    # First line of each treatment visit that is a treatment.
    treats = np.flatnonzero(np.isin(line["code"], PROPOSED))
    first_line = np.full(len(visit["visit"]), NONE)
    first_line[line["visit"][treats][::-1]] = treats[::-1]
    events = sorted(
        [(int(visit["patient"][v]), int(visit["starts"][v]), 0, int(v)) for v in exams]
        + [
            (int(visit["patient"][v]), int(visit["starts"][v]), 1, int(v))
            for v in treatments
            if first_line[v] != NONE
        ]
    )
    waiting: dict[int, int] = {}
    done: dict[int, int] = {}
    for patient, _, is_treatment, row in events:
        if is_treatment and patient in waiting:
            done[waiting.pop(patient)] = int(first_line[row])
        elif not is_treatment:
            waiting[patient] = row
    u = draws.uniform("proposed codes", 0, len(exams), 1)[:, 0]
    lines = np.array([done.get(int(v), NONE) for v in exams], dtype=np.int64)
    code = np.array(PROPOSED)[(u * len(PROPOSED)).astype(np.int64)]
    code = np.where(lines == NONE, code, line["code"][np.maximum(lines, 0)] if len(line["code"]) else code)
    cents = np.where(
        lines == NONE, prices[code], line["cents"][np.maximum(lines, 0)] if len(line["cents"]) else 0
    )
    columns = {
        "proposal": np.arange(len(exams)), "visit": exams, "code": code, "cents": cents,
        "tooth": np.full(len(exams), 14), "day": visit["starts"][exams] // 1440, "done_line": lines,
    }  # fmt: skip
    return {name: np.asarray(values).astype(TABLES["proposal"][name]) for name, values in columns.items()}
