"""The wheel as something to act on: its arrows, what plays are worth, plans from the proposal to the verdict, and the scorecard."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from carewheel.journeys.guide_the_wheel import (
    first_months,
    give_scores,
    plan_seen,
    plans_seen,
    play_title,
    propose,
    scores_seen,
    seen_on,
    take_step,
)
from carewheel.journeys.see_the_wheel import Turned, latest_turn
from carewheel.practice.access import NotFound, Permission, Refused
from carewheel.web.shell import done, need_everywhere, offer_choices, page, shell, workspace_of

SAID = {
    "accept": "It has an owner now.", "start": "It has started.", "review": "The review is written down.", "stop": "It is stopped.",
    "finish": "It is finished.", "verify": "The verdict is written down.",
}  # fmt: skip
NOTES = {
    "plan": "What you foresee", "do": "What was done", "study": "What was seen", "act": "What follows",
}  # fmt: skip
# Which notes a step asks for.
ASKED = {"accept": ("plan",), "start": ("do",), "review": ("do", "study", "act"), "stop": ("study", "act"), "finish": ("study", "act"), "verify": ()}  # fmt: skip


class ProposalForm(forms.Form):
    """Where and from when a play is put to work."""

    places = forms.MultipleChoiceField(label="Where", widget=forms.CheckboxSelectMultiple, help_text="Places without it are what it is judged against: start at some of them and the verdict is stronger.")  # fmt: skip
    start = forms.ChoiceField(label="First month")
    months = forms.IntegerField(min_value=3, max_value=36, initial=12, label="Judged after, months")
    note = forms.CharField(max_length=2_000, required=False, label="What you foresee", widget=forms.Textarea(attrs={"rows": 3}), help_text="No patient's name or number.")  # fmt: skip


def step_form(step: str, data: Any = None) -> forms.Form:
    """The form of a step: its owner and notes."""
    form = forms.Form(data, prefix=step)
    if step == "accept":
        form.fields["owner"] = forms.CharField(max_length=80, label="Who answers for it", help_text="A role, or somebody who works here.")  # fmt: skip
    for name in ASKED[step]:
        form.fields[name] = forms.CharField(max_length=2_000, required=False, label=NOTES[name], widget=forms.Textarea(attrs={"rows": 2}))  # fmt: skip
    return form


def _turn(request: HttpRequest) -> Turned | None:
    """The latest turn, for roles at all locations."""
    need_everywhere(shell(request), Permission.WHEEL_READ)
    return latest_turn(workspace_of(request))


def plans(request: HttpRequest) -> HttpResponse:
    """Plans that are open and ended, and every play by what it is worth here."""
    turned = _turn(request)
    error, found = None, []
    try:
        found = plans_seen(workspace_of(request), seen_on(turned, shell(request).today))
    except Refused as refused:
        error = refused
    taken = {one.document["play"] for one in found if one.open}
    return page(request, "plans/plans.html", {"turned": turned, "p": turned.view if turned else None, "plans": found, "taken": taken}, error=error)  # fmt: skip


def new(request: HttpRequest, play: str) -> HttpResponse:
    """Propose a play: where, from when, and after how long it is judged."""
    turned = _turn(request)
    title = play_title(play)
    if turned is None:
        raise NotFound("No turn of the wheel was made yet.")
    day = seen_on(turned, shell(request).today)
    form = ProposalForm(request.POST or None)
    starts = {f"{month:%Y-%m}": month for month in first_months(day)}
    known = [(one, turned.place_name(one)) for one in turned.document["locations"]]
    offer_choices(form, places=known, start=[(key, f"{month:%B %Y}") for key, month in starts.items()])
    if not form.is_bound:
        form.initial = {"places": [one for one, _ in known]}
    error = None
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        try:
            name = propose(shell(request).actor, workspace_of(request), play, wanted["places"], starts[wanted["start"]], wanted["months"], wanted["note"])  # fmt: skip
        except Refused as refused:
            error = refused
        else:
            return done(request, "Proposed. It waits for an owner.", reverse("plan", args=[name]))
    told = next((row for row in turned.document["roadmap"]["plays"] if row["play"] == play), None)
    return page(
        request, "plans/new.html", {"title": title, "form": form, "told": told, "turned": turned}, error=error
    )


def plan(request: HttpRequest, name: str) -> HttpResponse:
    """One plan: how it stands, how it is judged, what was written, and its next steps."""
    turned = _turn(request)
    space, step = workspace_of(request), request.POST.get("step", "")
    error, typed = None, {}
    if request.method == "POST":
        if step not in ASKED:
            raise NotFound("There is no such step.")
        form = typed[step] = step_form(step, request.POST)
        if form.is_valid():
            said = dict(form.cleaned_data)
            try:
                take_step(shell(request).actor, space, name, step, owner=said.pop("owner", ""), notes=said)
            except NotFound:
                raise
            except Refused as refused:
                error = refused
            else:
                return done(request, SAID[step], reverse("plan", args=[name]))
    seen = plan_seen(space, name, seen_on(turned, shell(request).today))
    pictured = [row for row in turned.view["plans"] if row["id"] == name] if turned else []
    steps = [(step, typed.get(step) or step_form(step)) for step in seen.may]
    return page(request, "plans/plan.html", {"seen": seen, "d": seen.document, "steps": steps, "notes": NOTES, "turned": turned, "p": {"plans": pictured}}, error=error)  # fmt: skip


def arrows(request: HttpRequest) -> HttpResponse:
    """How hard each part pushes the next, and where the wheel drags."""
    turned = _turn(request)
    return page(request, "plans/arrows.html", {"turned": turned, "p": turned.view if turned else None})


def scorecard(request: HttpRequest) -> HttpResponse:
    """What is hard here, by the practice's own word, and what its measures say to that."""
    turned, space = _turn(request), workspace_of(request)
    rows = scores_seen(turned, space)
    error = None
    if request.method == "POST":
        answers = {row["code"]: request.POST.get(row["code"], "") for row in rows}
        # Only what was changed: a score keeps the day on which it was given.
        given = {row["code"]: int(answers[row["code"]]) if answers[row["code"]] else None for row in rows if answers[row["code"]] in ("", *"012345") and answers[row["code"]] != ("" if row["own"] is None else str(row["own"]))}  # fmt: skip
        try:
            give_scores(shell(request).actor, space, given)
        except Refused as refused:
            error = refused
        else:
            return done(request, f"{len(given)} answers kept." if len(given) != 1 else "One answer kept.", reverse("scorecard"))  # fmt: skip
    return page(request, "plans/scorecard.html", {"rows": rows, "turned": turned}, error=error)
