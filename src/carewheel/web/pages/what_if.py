"""What if: plays put to work, or free cash spent otherwise, in the model of the practice; asked here, run forward by the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse

from carewheel.catalog.play_guesses import play_guesses
from carewheel.catalog.plays import plays
from carewheel.journeys.ask_what_if import Asked, answer_kept, ask_what_if
from carewheel.journeys.guide_the_wheel import plans_seen, seen_on
from carewheel.journeys.see_the_wheel import Turned, latest_turn
from carewheel.journeys.simulate_the_wheel import LONGEST, POLICIES, SHORTEST
from carewheel.practice.access import Forbidden, NotFound, Permission, Refused
from carewheel.web.pages.access import SILENT_SECONDS
from carewheel.web.shell import (
    csv_file,
    need_everywhere,
    offer_choices,
    page,
    part,
    part_asked,
    shell,
    workspace_of,
)
from carewheel.wheel.numbers import chance_words
from carewheel.wheel.report.pictures import INTO
from carewheel.wheel.report.what_if import asked_words, futures, lines_table, net_cash_words
from carewheel.wheel.what_if import Question

# So many plays stand open in the form, the most valuable; the rest one click away.
FIRST = 8


class WhatIfForm(forms.Form):
    """Which plays, how far ahead, and where free cash would go."""

    play = forms.MultipleChoiceField(label="Plays", required=False, widget=forms.CheckboxSelectMultiple)
    months = forms.IntegerField(
        label="How far ahead, months", min_value=SHORTEST, max_value=LONGEST, initial=24
    )

    def __init__(self, data: Any, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__(data)
        offer_choices(self, play=choices)
        for name in POLICIES:
            self.fields[name] = forms.FloatField(label=f"{INTO[name]}, %", min_value=-100, max_value=100, required=False)  # fmt: skip

    def shares(self) -> list[forms.BoundField]:
        """The fields of the policy."""
        return [self[name] for name in POLICIES]

    def question(self) -> Question:
        """What is asked, once the form is valid."""
        wanted = self.cleaned_data
        shares = {name: wanted[name] / 100 for name in POLICIES if wanted[name]}
        return Question(tuple(wanted["play"]), wanted["months"], shares)

    def query(self) -> str:
        """The question as it stands in an address."""
        wanted = self.cleaned_data
        shares = [(name, repr(wanted[name]).removesuffix(".0")) for name in POLICIES if wanted[name]]
        return urlencode([*(("play", one) for one in wanted["play"]), ("months", wanted["months"]), *shares])


def what_if(request: HttpRequest) -> HttpResponse:
    """Ask, see how far the worker is, and read the answer. The question is the address: going back asks nothing anew."""
    turned = _turn(request)
    if turned is None or turned.document["roadmap"]["why_none"]:
        return page(request, "what_if/what_if.html", {"turned": turned, "form": None, "asked": None})
    form = _form(request, turned)
    words: dict[str, Any] = {
        "turned": turned,
        "form": form,
        "choices": _choices(turned),
        "first": FIRST,
        "asked": None,
    }
    error = None
    if form.is_bound and form.is_valid():
        try:
            asked = ask_what_if(shell(request).actor, workspace_of(request), turned, form.question())
        except Refused as refused:
            if isinstance(refused, Forbidden):
                raise
            error = refused
        else:
            words |= _shown(request, turned, asked) | {"query": form.query()}
            if part_asked(request):
                return part(request, "what_if/answer.html", words)
    return page(request, "what_if/what_if.html", words, error=error)


def what_if_csv(request: HttpRequest) -> HttpResponse:
    """Every line month by month: as it goes on, with what was asked, and the difference."""
    found = _answered(request)
    of_line = {line["name"]: line for line in found["lines"]}
    ends = [
        f"{what}_{end}" for what in ("without", "with", "difference") for end in ("low", "median", "high")
    ]
    rows = [
        (r["name"], of_line[r["name"]]["title"], r["month"], *(r[end] for end in ends), of_line[r["name"]]["unit"], found["currency"])
        for r in found["rows"]
    ]  # fmt: skip
    head = ("measure", "title", "month", *(one.replace("low", "low_90").replace("high", "high_90") for one in ends), "unit", "currency")  # fmt: skip
    return csv_file(f"what-if-{found['as_of']}", head, rows)


def what_if_xmile(request: HttpRequest) -> HttpResponse:
    """The model that was run, every arrow at its mean, for any system-dynamics tool that reads XMILE 1.0."""
    found = _answered(request)
    answer = HttpResponse(found["xmile"], content_type="application/xml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="practice-{found["as_of"]}.xmile"'
    return answer


def _turn(request: HttpRequest) -> Turned | None:
    """The latest turn, for roles at all locations."""
    need_everywhere(shell(request), Permission.WHEEL_READ)
    return latest_turn(workspace_of(request))


def _form(request: HttpRequest, turned: Turned) -> WhatIfForm:
    choices = [(one["play"], one["title"]) for one in _choices(turned)]
    return WhatIfForm(request.GET if "months" in request.GET else None, choices)


def _choices(turned: Turned) -> list[dict[str, Any]]:
    """Every play whose effect can be guessed: first those of the roadmap with their worth, then those that are at work everywhere."""
    told = {row["play"]: row for row in turned.document["roadmap"]["plays"]}
    rest = [name for name, guess in play_guesses().items() if guess.moves and name not in told]
    return [{"play": name, "title": plays()[name].title, "told": told.get(name)} for name in (*told, *rest)]


def _answered(request: HttpRequest) -> Mapping[str, Any]:
    """The answer to the question of the address. Raises `NotFound` where there is none (yet)."""
    turned = _turn(request)
    form = _form(request, turned) if turned is not None else None
    if turned is None or form is None or not form.is_bound or not form.is_valid():
        raise NotFound("There is no such question.")
    found = answer_kept(shell(request).actor, workspace_of(request), turned, form.question())
    if found is None or found["refused"]:
        raise NotFound("It is not answered.")
    return found


def _shown(request: HttpRequest, turned: Turned, asked: Asked) -> dict[str, Any]:
    """The words and pictures of an answer."""
    found = asked.found
    silent = asked.seconds > SILENT_SECONDS and asked.progress is None
    shown: dict[str, Any] = {"asked": asked, "silent": silent, "found": found}
    if found is None or found["refused"]:
        return shown
    choices = _choices(turned)
    return shown | {
        "with_it": asked_words(found, {one["play"]: one["title"] for one in choices}), "net": net_cash_words(found),
        "loss": chance_words(found["net_cash"]["chance_of_loss"]), "charts": futures(found), "lines": lines_table(found),
        "chosen": [one for one in choices if one["play"] in found["plays"]], "planned": _planned(request, turned),
    }  # fmt: skip


def _planned(request: HttpRequest, turned: Turned) -> set[str]:
    """The plays of open plans; none where the plans cannot be read, which the page of plans says."""
    try:
        found = plans_seen(workspace_of(request), seen_on(turned, shell(request).today))
    except Refused:
        return set()
    return {one.document["play"] for one in found if one.open}
