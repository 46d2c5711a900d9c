"""One turn of the wheel: from a workspace's facts to the document that `wheel.json` holds and the report shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import carewheel
from carewheel.catalog.components import components
from carewheel.catalog.links import links
from carewheel.warehouse.contradictions import contradictions
from carewheel.warehouse.measures import DuckDbEngine, Engine
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.actions import actions
from carewheel.wheel.before_after import before_after
from carewheel.wheel.components import ComponentState, component_state, strongest, weakest
from carewheel.wheel.headline import headline
from carewheel.wheel.in_place import in_place
from carewheel.wheel.learnt import Learnt, drag_document, gain_document, learn, link_document
from carewheel.wheel.measured import Measured, measure_all, measure_document, period_of
from carewheel.wheel.missing import missing
from carewheel.wheel.outlook import outlook_document
from carewheel.wheel.pitfalls import alarms
from carewheel.wheel.plans import Ledger, Plan, owners, plan_document
from carewheel.wheel.practices import ACTIVITY, Practice, practices
from carewheel.wheel.roadmap import roadmap_document, worth_of_plays
from carewheel.wheel.scorecard import own_scores, scorecard_document
from carewheel.wheel.verification import standing

SCHEMA_VERSION = "1.2"


class NothingToTurn(Exception):
    """No source has a dated fact: there is no date at which the wheel could be looked at."""


# An engine over the facts of some sources of a workspace: what answers the measures' SQL instead of the embedded DuckDB.
EngineFor = Callable[[Workspace, Sequence[str]], Engine]


def turn(
    workspace: Workspace, today: date, as_of: date | None = None, engine: EngineFor | None = None
) -> dict[str, Any]:
    """The turn as a document, ready for `wheel.json` (see ``data/wheel.schema.json``).

    ``as_of`` is inclusive; by default each practice is seen at its own last date with activity that is not after
    ``today``. The practice with most facts stands at the top level, others stand under ``beside``.
    Raises `NothingToTurn` where no source has a dated fact.
    """
    found = practices(workspace, today)
    dated = [practice for practice in found if practice.last_activity is not None]
    if not dated:
        raise NothingToTurn("None of the sources has a dated fact.")
    if as_of is not None:
        dated = [practice for practice in dated if _began(workspace, practice, as_of)] or dated[:1]
    views = [
        view(workspace, practice, seen, engine, plans_on(workspace, today, as_of, seen))
        for practice in dated
        for seen in [as_of or _last(practice)]
    ]
    # The main practice is the one of which most can be said; facts break a tie.
    views.sort(key=lambda v: -sum(m["value"] is not None for m in v["measures"]))
    main, *beside = views
    manifest = workspace.manifest()
    reports = list(manifest["sources"].values())
    return {
        "schema_version": SCHEMA_VERSION,
        "carewheel_version": carewheel.__version__,
        "invented": bool(manifest["invented"]),
        "sources": reports,
        "tie_out": [
            {"source": r["source"], "path": r["path"], **row} for r in reports for row in r["tie_out"]
        ],
        "joining": manifest.get("findings", []),
        **main,
        "beside": beside,
    }


def view(
    workspace: Workspace,
    practice: Practice,
    as_of: date,
    engine: EngineFor | None = None,
    plans_at: date | None = None,
) -> dict[str, Any]:
    """One practice at one date: measures, parts, links, actions, plans, alarms, and what is missing.

    ``plans_at``: the day at which plans are seen (default ``as_of``): theirs is the calendar of people, not of exports.
    """
    connection = workspace.connect(practice.sources)
    try:
        answers = engine(workspace, practice.sources) if engine else DuckDbEngine(connection)
        measured = measure_all(answers, as_of)
        by_id = {m.card.id: m for m in measured}
        states = [component_state(name, measured, as_of) for name in components()]
        learnt = learn(by_id)
        day = plans_at or as_of
        now = standing(Ledger(workspace), places_of(by_id), day)
        has_it = in_place(connection, now.plans, places_of(by_id), as_of, day)
        worths = worth_of_plays(learnt, now.sizes, has_it, now.sources)
        ranked = actions(by_id, as_of, worths, learnt.present.currency if learnt.present else "", has_it)
        owner = owners(now.plans)
        plan_ahead = roadmap_document(learnt, worths)
        first, last = period_of(as_of)
        weak, strong = weakest(states), strongest(states)
        document = {
            "as_of": as_of.isoformat(),
            "period": {"from": first.isoformat(), "to": last.isoformat()},
            "practice": list(practice.sources),
            "measures": [measure_document(m) for m in measured],
            "components": [_component(state) for state in states],
            "links": _links(learnt, by_id),
            "loop_gain": gain_document(learnt),
            "drag": drag_document(learnt),
            "money_model": {
                "assumed": list(learnt.present.assumed) if learnt.present else [],
                "why_none": learnt.why_no_money,
            },
            "weakest": None if weak is None else {"component": weak[0].id, "why": weak[1]},
            "strongest": None if strong is None else {"component": strong.id},
            "actions": [{**action, "owner": owner.get(action["play"])} for action in ranked],
            "roadmap": plan_ahead,
            "outlook": outlook_document(
                learnt,
                worths,
                (plan_ahead["portfolio"] or {"plays": []})["plays"],
                now.sizes,
                by_id,
                plan_ahead["reinvestment"],
            ),
            "scorecard": scorecard_document(own_scores(workspace), by_id),
            "plans": [_plan(plan, day, by_id) for plan in now.plans],
            "pitfalls": alarms(by_id, states, connection, as_of, now.plans, day),
            "contradictions": [asdict(c) for c in contradictions(connection, as_of)],
            "coverage": _coverage(measured, last),
            "missing": missing(connection, measured),
            "locations": _locations(connection),
        }
    finally:
        connection.close()
    document["headline"] = headline(document)
    return document


def measured_now(
    workspace: Workspace, today: date, as_of: date | None = None
) -> tuple[dict[str, Measured], date] | None:
    """The measures by card id of the practice with most facts, at ``as_of`` or its last date with activity; None without facts."""
    dated = [p for p in practices(workspace, today) if p.last_activity is not None]
    if not dated:
        return None
    main = max(dated, key=lambda practice: practice.facts)
    day = as_of or _last(main)
    connection = workspace.connect(main.sources)
    try:
        return {m.card.id: m for m in measure_all(DuckDbEngine(connection), day)}, day
    finally:
        connection.close()


def _plan(plan: Plan, day: date, measured: Mapping[str, Measured]) -> dict[str, Any]:
    """A plan with the months behind its verdict."""
    shown, why = before_after(plan, measured[plan.terms.judged_by.measure].result)
    return {**plan_document(plan, day), "before_after": shown, "why_no_before_after": why}


def _component(state: ComponentState) -> dict[str, Any]:
    part = components()[state.id]
    return {
        "id": state.id,
        "name": part.name,
        "colour": part.colour,
        **{k: v for k, v in asdict(state).items() if k != "id"},
    }


def _links(learnt: Learnt, measured: Mapping[str, Measured]) -> list[dict[str, Any]]:
    """The arrows: what the catalog says of each, and what the practice's own months make of it."""
    return [
        {
            "id": link.id,
            "from": link.source,
            "to": link.target,
            "kind": link.kind,
            "ring": link.ring,
            "balancing": link.balancing,
            "mechanism": link.mechanism,
            "prior_note": link.prior_note,
            "priors": [asdict(prior) for prior in link.priors],
            "assumed": asdict(link.assumed),
            **link_document(learnt, link, measured),
        }
        for link in links().values()
    ]


def plans_on(workspace: Workspace, today: date, as_of: date | None, last: date) -> date:
    """The day at which plans are seen: ``as_of`` if one is asked for, else today; in an invented group its own ``last`` day."""
    return as_of or (last if workspace.manifest()["invented"] else today)


def places_of(measured: Mapping[str, Measured]) -> list[str]:
    """The places that a practice has: all that a measure tells of; "" alone where none is named."""
    found = {place for m in measured.values() if m.result is not None for place in m.result.by_location_month}
    return sorted(place for place in found if place) or [""]


def _coverage(measured: Sequence[Measured], last: date) -> list[dict[str, Any]]:
    """For each measure with data the months of the last 24 in which it has a row."""
    rows = []
    for m in measured:
        if m.result is None or not m.result.months:
            continue
        pairs = list(zip(m.result.months, m.result.monthly.n, strict=True))[-24:]
        months = [month.isoformat()[:7] for month, n in pairs if n > 0]
        rows.append({"measure": m.card.id, "months": months, "last_full_month": last.isoformat()[:7]})
    return rows


def _locations(connection: Any) -> dict[str, str]:
    """Names of places by id, where the sources tell them."""
    rows = connection.execute(
        "SELECT location_id, max(name) FROM location WHERE name <> '' GROUP BY 1"
    ).fetchall()
    return {location: name for location, name in rows if location}


def _began(workspace: Workspace, practice: Practice, as_of: date) -> bool:
    connection = workspace.connect(practice.sources)
    try:
        for table in ACTIVITY:
            if connection.execute(f"SELECT 1 FROM {table} WHERE local_date <= ? LIMIT 1", [as_of]).fetchall():
                return True
    finally:
        connection.close()
    return False


def _last(practice: Practice) -> date:
    assert practice.last_activity is not None
    return practice.last_activity
