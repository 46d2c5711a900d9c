"""Access to care: how long people wait for a visit and in it, how full the days are; and the lab of appointment times."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from carewheel.journeys.see_the_wheel import access_measures, latest_turn
from carewheel.practice.access import NotFound, Permission, Refused
from carewheel.practice.places import names_in_facts
from carewheel.spokes.operations.commands_lab import ask_lab
from carewheel.spokes.operations.contracts_lab import LabState
from carewheel.spokes.operations.contracts_template import TemplateReport, TemplateWish
from carewheel.web.pages.wheel import PLACE_HEAD, place_rows
from carewheel.web.shell import csv_file, need_everywhere, page, part, part_asked, shell, workspace_of

# The drawing of the frontier: its size and what is left for the axes.
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 320, 48, 44
# A question that nobody took up for so long tells that no worker runs.
SILENT_SECONDS = 20


class LabForm(forms.Form):
    """What a minute costs: the wishes of the access lab."""

    practitioner = forms.CharField(max_length=120, required=False, help_text="As the facts name them; empty: where most is known.")  # fmt: skip
    visit_type = forms.CharField(max_length=120, required=False, help_text="Empty: the usual mixture.")
    waiting = forms.FloatField(label="A minute of waiting costs", min_value=0.01, max_value=1000, initial=1)
    idle = forms.FloatField(label="A minute of idling costs", min_value=0.01, max_value=1000, initial=5)
    overtime = forms.FloatField(
        label="A minute of overtime costs", min_value=0.01, max_value=1000, initial=7.5
    )


def access(request: HttpRequest) -> HttpResponse:
    """The measures of access, each with n, interval, months and CSV."""
    own = names_in_facts(shell(request).actor, Permission.ACCESS_READ)
    turned = latest_turn(workspace_of(request))
    known = turned.document["locations"] if turned else {}
    shown = {place: name for place, name in known.items() if own is None or place in own}
    return page(request, "access/access.html", {
        "turned": turned, "measures": access_measures(turned) if turned else [], "of_places": shown, "whole": own is None,
    })  # fmt: skip


def access_csv(request: HttpRequest) -> HttpResponse:
    """All months of the measures of access as one table."""
    own = names_in_facts(shell(request).actor, Permission.ACCESS_READ)
    turned = latest_turn(workspace_of(request))
    if turned is None:
        raise NotFound
    if own is not None:
        ids = {m["id"] for m in access_measures(turned)}
        measured = [m for m in turned.of_places(own) if m["id"] in ids]
        return csv_file("access", PLACE_HEAD, place_rows(turned, measured))
    rows = [
        (m["id"], m["title"], r["month"], r["value"], r["low"], r["high"], r["n"], m["unit"])
        for m in access_measures(turned)
        for r in m["monthly"]
    ]
    return csv_file("access", ("measure", "title", "month", "value", "low_90", "high_90", "n", "unit"), rows)


def lab(request: HttpRequest) -> HttpResponse:
    """Weigh waiting against idling and overtime. The worker does it; the page says how far it is and asks again until it is there."""
    need_everywhere(shell(request), Permission.ACCESS_READ)
    asked = "waiting" in request.GET
    form = LabForm(request.GET if asked else None)
    words: dict[str, Any] = {"form": form, "asked": asked, "query": request.GET.urlencode()}
    if asked and form.is_valid():
        words |= _weighed(request, form.cleaned_data)
        if part_asked(request):
            return part(request, "access/frontier.html", words)
    return page(request, "access/lab.html", words)


def _weighed(request: HttpRequest, wish: dict[str, Any]) -> dict[str, Any]:
    workspace = workspace_of(request)
    turned = latest_turn(workspace)
    if turned is None:
        return {"state": LabState(None, "No turn was made yet.", None, 0)}
    template = TemplateWish(
        practitioner=wish["practitioner"].strip(),
        visit_type=wish["visit_type"].strip(),
        waiting=wish["waiting"],
        idle=wish["idle"],
        overtime=wish["overtime"],
    )
    facts = str(workspace.manifest_path.stat().st_mtime_ns)
    try:
        state = ask_lab(shell(request).actor, template, turned.as_of, facts)
    except Refused as refused:
        if refused.code != "too-many-questions":
            raise
        state = LabState(None, str(refused), None, 0)
    if state.report is None:
        return {"state": state, "silent": state.seconds > SILENT_SECONDS and state.progress is None}
    place = turned.place_name(state.report.known.location)
    return {"state": state, "found": state.report, "drawn": drawing(state.report), "place": place}


def drawing(found: TemplateReport) -> dict[str, Any]:
    """Places on the picture: waiting across, idling with overtime up, both from zero; the frontier, today, and the best."""
    points = [(p.wait, p.idle + p.overtime) for p in found.frontier]
    today = (found.today.wait, found.today.idle + found.today.overtime)
    best = (found.best.wait, found.best.idle + found.best.overtime)
    most_x = max(x for x, _ in (*points, today, best)) * 1.1 or 1
    most_y = max(y for _, y in (*points, today, best)) * 1.1 or 1

    def at(point: tuple[float, float]) -> tuple[float, float]:
        x, y = point
        return (
            round(LEFT + (WIDTH - LEFT - 16) * x / most_x, 1),
            round((HEIGHT - BOTTOM) - (HEIGHT - BOTTOM - 16) * y / most_y, 1),
        )

    line = " L".join(f"{x},{y}" for x, y in (at(p) for p in sorted(points)))
    ticks = [round(most * share) for most, share in ((most_x, 0.5), (most_x, 0.9))]
    rises = [round(most_y * share) for share in (0.5, 0.9)]
    return {
        "line": f"M{line}",
        "today": at(today),
        "best": at(best),
        "x": [(at((t, 0))[0], t) for t in ticks],
        "y": [(at((0, t))[1], t) for t in rises],
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "floor": HEIGHT - BOTTOM,
    }
