"""The scorecard (WH8): what the industry is like, what the practice says of itself, and what its measures say to that."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import date
from typing import Any

from carewheel.catalog.scorecard import scorecard
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.measured import Measured

FILE = "scorecard.json"
LOWEST, HIGHEST = 0, 5
# A measured level beyond this many reference standard deviations speaks against a belief in the other direction.
CLEAR = 0.5
HEAVY, LIGHT = 4, 1


class ScoreRefused(ValueError):
    """A score that cannot be taken: ``code``, what, and the ``remedy``."""

    def __init__(self, code: str, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.code, self.what, self.remedy = code, what, remedy


def own_scores(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """The practice's own scores by code: ``score`` and ``given`` (the day). Empty before anybody answered.

    Raises `ScoreRefused` for a file that is damaged.
    """
    path = workspace.root / FILE
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
        return {
            code: {"score": int(row["score"]), "given": str(row["given"])}
            for code, row in found.items()
            if code in scorecard()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ScoreRefused(
            "scorecard.damaged",
            "The file of your own scores cannot be read.",
            f"Remove {FILE} from the workspace and answer again.",
        ) from error


def keep_scores(
    workspace: Workspace, scores: Mapping[str, int | None], today: date
) -> dict[str, dict[str, Any]]:
    """Keep own scores (None takes one back) beside those given before; returns all. Written as a whole or not at all.

    Raises `ScoreRefused` for an unknown code or a score that is no whole number from 0 to 5; then nothing is kept.
    """
    for code, score in scores.items():
        if code not in scorecard():
            raise ScoreRefused(
                "scorecard.code", f"There is no code {code!r}.", f"Codes: {', '.join(scorecard())}."
            )
        if score is not None and not LOWEST <= score <= HIGHEST:
            raise ScoreRefused(
                "scorecard.score", f"{score} is no score.", "Give a whole number from 0 (easy) to 5 (hard)."
            )
    workspace.root.mkdir(parents=True, exist_ok=True)
    with workspace.writing():
        kept = own_scores(workspace)
        for code, score in scores.items():
            kept.pop(code, None)
            if score is not None:
                kept[code] = {"score": score, "given": today.isoformat()}
        temporary = workspace.root / f"{FILE}.new"
        temporary.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n", "utf-8")
        os.replace(temporary, workspace.root / FILE)
    return kept


def scorecard_document(
    own: Mapping[str, Mapping[str, Any]], measured: Mapping[str, Measured]
) -> list[dict[str, Any]]:
    """Every known code as `wheel.json` states it: industry score, own score, measures, and whether belief and data agree.

    The measured level is the mean of its measures in reference standard deviations, above 0 is better than usual. A high score says
    that this is hard here: it disagrees with a level clearly above the usual, a low one with a level clearly below.
    """
    return [
        {
            "code": a.code,
            "pillar": a.pillar,
            "subject": a.subject,
            "friction": a.friction,
            "industry": a.score,
            "own": own[a.code]["score"] if a.code in own else None,
            "given": own[a.code]["given"] if a.code in own else None,
            "components": list(a.components),
            "plays": list(a.plays),
            **_evidence(
                a.measures, own[a.code]["score"] if a.code in own else a.score, a.code in own, measured
            ),
        }
        for a in scorecard().values()
    ]


def _evidence(
    names: tuple[str, ...], score: int | None, is_own: bool, measured: Mapping[str, Measured]
) -> dict[str, Any]:
    levels = {}
    for name in names:
        m = measured[name]
        if m.value is not None and m.card.reference is not None and m.card.direction != "none":
            sign = 1 if m.card.direction == "up" else -1
            levels[name] = max(
                -3.0, min(3.0, sign * (m.value - m.card.reference.value) / m.card.reference.sd)
            )
    level = sum(levels.values()) / len(levels) if levels else None
    if level is None:
        says, words = "unknown", "Nothing that speaks to it is measured yet."
    elif score is None:
        says, words = "unknown", "Nobody has scored it yet."
    elif score >= HEAVY and level > CLEAR:
        says, words = "disagrees", f"{_whose(is_own)} hard, and the measures are better than usual."
    elif score <= LIGHT and level < -CLEAR:
        says, words = "disagrees", f"{_whose(is_own)} easy, and the measures are worse than usual."
    else:
        says, words = "agrees", "The measures do not speak against it."
    return {"level": level, "measures": sorted(levels), "data": says, "why": words}


def _whose(is_own: bool) -> str:
    return "You say that it is" if is_own else "In this industry it is"
