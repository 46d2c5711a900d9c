"""The report: one self-contained file that an owner reads with coffee, made only of what `wheel.json` says."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import jinja2

from carewheel.catalog.amounts import exact
from carewheel.catalog.components import components
from carewheel.catalog.measures import measures
from carewheel.wheel.numbers import (
    about,
    between,
    counted,
    day_words,
    level,
    number,
    target_words,
    trend_words,
    with_unit,
)
from carewheel.wheel.plans import signed, verdict_words
from carewheel.wheel.report import charts, drawing, pictures
from carewheel.wheel.report.breakdowns import breakdowns, label_words

HORIZON_WORDS = {"quick": "quick win", "medium": "medium term", "long": "long term"}
INTERVAL_WORDS = {
    "wilson": "Wilson score interval, 90 %",
    "t_mean": "Student's interval of the mean, 90 %",
    "nps": "adjusted Wald interval (score interval below 100 answers), 90 %",
    "poisson_count": "exact Poisson interval (Garwood), 90 %",
    "poisson_rate": "exact Poisson interval of the events, 90 %",
    "cost_per_count": "exact Poisson interval of the count below the line, 90 %",
    "ratio_months": "jackknife over months, 90 %",
    "lifetime": "delta method of its two factors, 90 %",
    "visit_model": "doubt of the model and chance, 90 %",
    "tenure_model": "doubt of the model and chance, 90 %",
    "none": "none: it is counted, not sampled",
}


def render(document: Mapping[str, Any]) -> str:
    """The report of a turn as one HTML document: no script, no network, printable."""
    main = practice_view(document, "")
    beside = [practice_view(view, f"-{i}") for i, view in enumerate(document["beside"], 1)]
    shown = {m["id"] for view in (main, *beside) for m in view["measures"] if m["n"] or m["wheel"]}
    definitions = [
        {
            "id": card.id,
            "title": card.title,
            "definition": card.definition,
            "excluded": card.excluded,
            "clock": card.clock,
            "denominator": card.denominator,
            "interval_words": INTERVAL_WORDS[card.interval],
            "minimum_n": card.minimum_n,
        }
        for card in measures().values()
        if card.id in shown
    ]
    refused = {(s["source"], s["path"]): s["rows_refused"] for s in document["sources"]}
    tied = [{**row, "refused": refused.get((row["source"], row["path"]), 0)} for row in document["tie_out"]]
    return _template().render(
        d={**document, "main": main, "beside": beside, "definitions": definitions, "tie_out": tied},
        css=_text("shared/tokens.css") + _text("report.css") + _text("shared/drawing.css"),
        font=_font(),
    )


def practice_view(document: Mapping[str, Any], anchor: str = "") -> dict[str, Any]:
    """A practice's part of the document with what only a page needs: places on drawings, words, bars."""
    names = {part.id: part.name for part in components().values()}
    titles = {card.id: card.title for card in measures().values()}
    found = {**document, "anchor": anchor, "sources": document["practice"]}
    found["nodes"] = drawing.nodes(document["components"], names)
    found["arrows"] = drawing.arrows(document["links"], names, (document["drag"] or {}).get("link", ""))
    found["forest"] = charts.forest(document["links"])
    found["matrix"] = _matrix(document)
    found["breakdowns"] = breakdowns(document)
    found["months"] = _months(document, titles)
    found["actions"] = [
        {
            **action,
            "horizon_words": HORIZON_WORDS[action["horizon"]],
            "cost": _cost(action["cost"]),
            "what": f"Moves {', '.join(titles[m].lower() for m in action['moves'])}."
            + (f" {action['expected_value']['assumes']}" if action["expected_value"] else ""),
            "verification": re.sub(
                r"[a-z]+\.[a-z_]+",
                lambda m: titles[m[0]].lower() if m[0] in titles else m[0],
                action["verification"],
            ),
        }
        for action in document["actions"]
    ]
    found["plans"] = [
        {
            **plan,
            "verdict_words": verdict_words(plan["verdict"], plan["unit"]),
            "picture": pictures.before_after(plan, document["locations"]),
        }
        for plan in document["plans"]
    ]
    found["pictures"] = {
        "chosen": pictures.chosen(document["outlook"]),
        "fans": pictures.fans(document["outlook"]),
        "hangs": pictures.hangs(document["outlook"]),
        "splits": pictures.splits(document["outlook"]),
        "loops": pictures.loops(document["outlook"]),
    }
    unlocked = {name for item in document["missing"] for name in item["unlocks"]}
    blank = [m for m in document["measures"] if m["value"] is None and not m["n"]]
    found["without_data"] = [m for m in blank if m["id"] in unlocked]
    found["not_worked_out"] = [m for m in blank if m["id"] not in unlocked]
    found["missing"] = [
        {
            **item,
            "unlocks": [titles[m] for m in item["unlocks"]],
            "wheel": ", ".join(titles[m].lower() for m in item["unlocks"] if measures()[m].wheel),
        }
        for item in document["missing"]
    ]
    found["wheel_words"] = _wheel_words(document)
    return found


def _months(document: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    """Which of the last 24 full months each measure has data in."""
    end = date.fromisoformat(document["period"]["to"])
    last = end.year * 12 + end.month - 1
    months = [f"{m // 12}-{m % 12 + 1:02d}" for m in range(last - 23, last + 1)]
    rows = []
    for row in document["coverage"]:
        have = [month in row["months"] for month in months]
        if any(have):
            rows.append(
                {
                    "title": titles[row["measure"]],
                    "count": sum(have),
                    "run": "".join("■" if x else "·" for x in have),
                    "words": f"{sum(have)} of {len(months)} months have data",
                }
            )
    return {"months": months, "rows": rows}


def _wheel_words(document: Mapping[str, Any]) -> str:
    states = [c["status"] for c in document["components"]]
    measured = sum(state != "unmeasured" for state in states)
    learnt = sum(link["evidence"] == "data" for link in document["links"])
    words = f"{measured} of {len(states)} parts are measured. "
    if learnt:
        words += f"How hard the parts push one another is learnt from your own months for {learnt} of {len(document['links'])} arrows."
    else:
        words += "How hard the parts push one another has to be learnt from more months of data; until then the arrows are dashed, dotted or grey."
    gain = document["loop_gain"]
    if gain:
        turn = f"between {gain['low']:.2f} and {gain['high']:.2f}"
        words += f" What goes once round the wheel comes back as {gain['value']:.2f} of itself in a year ({turn}): "
        words += (
            "the wheel speeds itself up."
            if gain["compounds"]
            else "the wheel does not yet speed itself up, it needs pushing."
        )
    if document["drag"]:
        words += f" {document['drag']['why']}"
    elif document["weakest"]:
        name = components()[document["weakest"]["component"]].name.lower()
        words += f" The weakest measured part, {name}, is the one to look at."
    return words


def _cost(cost: Mapping[str, Any] | None) -> str:
    if cost is None:
        return "Unknown: ask for a price before you start"
    low, high = cost["low"], cost["high"]
    return f"{exact(low['amount'], low['currency'])} to {exact(high['amount'], high['currency'])} per {cost['per']} ({cost['source']})"


def _matrix(document: Mapping[str, Any]) -> dict[str, Any]:
    """Location × measure: a mark only where a place differs from the whole beyond chance."""
    wide = [
        m
        for m in document["measures"]
        if m["value"] is not None and m["low"] is not None and not m["dimension"]
    ]
    rows: list[dict[str, Any]] = []
    ids = sorted({p["location"] for m in wide for p in m["by_location"] if p["value"] is not None})
    for m in wide:
        by_place = {p["location"]: p for p in m["by_location"]}
        cells = [_cell(m, by_place.get(place)) for place in ids]
        if sum(cell["text"] != "–" for cell in cells) > 1:
            rows.append(
                {
                    "title": m["title"],
                    "cells": cells,
                    "all": number(m["value"], m["unit"], m["currency"]),
                    "all_interval": _short(m, m),
                }
            )
    # A place without a single value in what is shown needs no column.
    used = [i for i in range(len(ids)) if any(row["cells"][i]["text"] != "–" for row in rows)]
    ids = [ids[i] for i in used]
    rows = [{**row, "cells": [row["cells"][i] for i in used]} for row in rows]
    names = document["locations"]
    return {
        "locations": [{"id": i, "name": names.get(i) or i or "no place named"} for i in ids] if rows else [],
        "rows": rows,
    }


def _cell(m: Mapping[str, Any], place: Mapping[str, Any] | None) -> dict[str, str]:
    if place is None or place["value"] is None:
        few = place is not None and place["status"] == "not_enough_data"
        return {"text": "–", "mark": "", "interval": "too few" if few else ""}
    mark = ""
    if m["direction"] != "none" and place["low"] is not None and m["unit"] != "count":
        above, below = place["low"] > m["value"], place["high"] < m["value"]
        better = above if m["direction"] == "up" else below
        mark = "▲" if better else "▼" if above or below else ""
    return {
        "text": number(place["value"], m["unit"], m["currency"]),
        "mark": mark,
        "interval": _short(m, place),
    }


def _short(m: Mapping[str, Any], bounds: Mapping[str, Any]) -> str:
    if bounds["low"] is None or bounds["high"] is None:
        return ""
    return f"{number(bounds['low'], m['unit'], m['currency'])} to {number(bounds['high'], m['unit'], m['currency'])}"


def _cases(m: Mapping[str, Any]) -> str:
    """What n counts, in words."""
    counted = {
        "nps": "answers",
        "t_mean": "cases",
        "poisson_rate": "person-months",
        "cost_per_count": "new patients",
    }
    if m["id"] == "people.turnover":
        return "months of employment"
    return counted.get(m["interval"], "cases")


# What the templates of the report, and `parts.html` of the console too, call numbers by.
FILTERS: dict[str, Callable[..., Any]] = {
    "day": day_words,
    "exact": exact,
    "about": lambda money: about(money["amount"], money["currency"]),
    "strip": charts.strip,
    "line": charts.line,
    "value": lambda m: with_unit(m["value"], m["unit"], m["currency"]),
    "between": lambda m: between(m["low"], m["high"], m["unit"], m["currency"]),
    "target_words": target_words,
    "trend_words": trend_words,
    "cases": _cases,
    "counted": counted,
    "effect": signed,
    "label_words": label_words,
    "level": level,
}


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(template_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment.get_template("report.html")


def template_text(name: str) -> str | None:
    """The text of a template of this folder by name, as Jinja2's loaders ask; None for another."""
    return _text(name) if name in ("report.html", "pictures.html", "parts.html") else None


@cache
def _text(name: str) -> str:
    return resources.files("carewheel.wheel.report").joinpath(name).read_text("utf-8")


@cache
def _font() -> str:
    return base64.b64encode(
        resources.files("carewheel.wheel.report").joinpath("shared/inter-latin.woff2").read_bytes()
    ).decode()


__all__: Sequence[str] = ["FILTERS", "INTERVAL_WORDS", "practice_view", "render", "template_text"]
