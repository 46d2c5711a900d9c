"""Purchases: described in a guided form or a file, weighed by the worker before money is spent, held against the plan afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from carewheel.catalog.measures import measures
from carewheel.journeys.keep_purchases import (
    Kept,
    ask_to_weigh,
    keep_purchase,
    purchase_kept,
    purchases_kept,
    read_file,
    remove_purchase,
    troubles_of,
)
from carewheel.journeys.see_the_wheel import Turned, latest_turn
from carewheel.journeys.weigh_a_purchase import LARGEST, purchase_template
from carewheel.practice.access import Conflict, Forbidden, NotFound, Permission, Refused
from carewheel.web.pages.access import SILENT_SECONDS
from carewheel.web.pages.purchase_form import PurchaseForm
from carewheel.web.shell import csv_file, done, need_everywhere, page, part, part_asked, shell, workspace_of
from carewheel.wheel.investments import (
    against_words,
    appraisal_rows,
    content_of,
    mark_of,
    measure_rows,
    patient_words,
    promise_words,
    where_words,
)
from carewheel.wheel.numbers import about, chance_words
from carewheel.wheel.report.purchases import actual_money, cash, worth_hangs_on


def _turn(request: HttpRequest) -> Turned | None:
    """The latest turn, for roles at all locations."""
    need_everywhere(shell(request), Permission.WHEEL_READ)
    return latest_turn(workspace_of(request))


def purchases(request: HttpRequest) -> HttpResponse:
    """Every purchase: its price, when it was weighed, the gate's answer, its worth, chance of loss, payback, and whether it is bought."""
    _turn(request)
    return page(
        request,
        "purchases/purchases.html",
        {"purchases": purchases_kept(workspace_of(request)), "money_words": about},
    )


def new(request: HttpRequest) -> HttpResponse:
    """Describe a purchase: by the form, or by a file, which fills in the form."""
    return _edited(request, {}, "")


def edit(request: HttpRequest, name: str) -> HttpResponse:
    """Change a purchase; it is weighed anew."""
    need_everywhere(shell(request), Permission.WHEEL_READ)
    kept = purchase_kept(shell(request).actor, workspace_of(request), name)
    if kept.what is None:
        raise NotFound("This purchase cannot be read, so it cannot be changed here.")
    return _edited(request, content_of(kept.text), name, kept.what.title, mark_of(kept.text))


def _edited(
    request: HttpRequest, content: Mapping[str, Any], name: str, title: str = "", of: str = ""
) -> HttpResponse:
    turned = _turn(request)
    space = workspace_of(request)
    places = [(one, turned.place_name(one)) for one in turned.document["locations"] if one] if turned else []
    error, brought = None, False
    sent = request.POST if request.method == "POST" else None
    if sent is not None and "bring" in sent:
        sent = None
        try:
            content = _brought(request)
            brought = True
        except Refused as refused:
            error = refused
    if sent is not None:
        of = sent.get("of", "")
    form = PurchaseForm(sent, places, content)
    if sent is not None and form.is_valid():
        described = form.content()
        try:
            kept = keep_purchase(shell(request).actor, space, described, name, of)
        except Refused as refused:
            if isinstance(refused, (NotFound, Forbidden)):
                raise
            troubles = [] if isinstance(refused, Conflict) else troubles_of(described)
            error = next((one for one in troubles or [refused] if not form.refuse(one)), None)
        else:
            return done(request, "Kept. It is being weighed.", reverse("purchase", args=[kept]))
    words = {"form": form, "name": name, "of": of, "title": title, "turned": turned, "brought": brought}
    return page(request, "purchases/edit.html", words, error=error)


def _brought(request: HttpRequest) -> dict[str, Any]:
    """What stands in the file that was sent. Raises `Refused`."""
    file = request.FILES.get("file")
    if file is None:
        raise Refused("purchase.file", "No file was chosen.", "Choose one, then send it.")
    return read_file(file.read(LARGEST + 1))


def empty_file(request: HttpRequest) -> HttpResponse:
    """The file to fill in, with its comments."""
    need_everywhere(shell(request), Permission.WHEEL_READ)
    return _toml("purchase", purchase_template())


def purchase(request: HttpRequest, name: str) -> HttpResponse:
    """A purchase as it was weighed; while that is worked out, how far it is. Weighed again and removed from here."""
    turned = _turn(request)
    actor, space = shell(request).actor, workspace_of(request)
    if request.method == "POST":
        match request.POST.get("step"):
            case "weigh":
                ask_to_weigh(actor, space, name)
                return done(request, "It is being weighed.", reverse("purchase", args=[name]))
            case "remove":
                remove_purchase(actor, space, name)
                return done(request, "It is removed.", reverse("purchases"))
        raise NotFound("There is no such step.")
    kept = purchase_kept(actor, space, name)
    words = {
        "kept": kept,
        "turned": turned,
        "silent": kept.seconds > SILENT_SECONDS and kept.progress is None,
    }
    words |= _shown(kept)
    if part_asked(request):
        return part(request, "purchases/weighing.html", words)
    return page(request, "purchases/purchase.html", words)


def _shown(kept: Kept) -> dict[str, Any]:
    """The words and pictures of what was weighed."""
    found = kept.weighing
    if found is None or found["refused"]:
        return {"found": found, "d": None}
    d, actual = found["weighed"], found["actual"]
    currency, rate = d["currency"], d["yearly_rate"]
    shown: dict[str, Any] = {
        "found": found, "d": d, "money_words": about, "where": where_words(d), "money": appraisal_rows(d, currency, rate), "cash": cash(d), "hangs": worth_hangs_on(d),
        "patients": [(b["title"], patient_words(b, "after_a_year"), patient_words(b, "at_the_end"), chance_words(b["chance_better"])) for b in d["patients"]],
        "effects": [(_title(p["measure"]), promise_words(p), p) for p in d["promises"]], "unmeasured": [_title(m) for m in d["unmeasured"]], "actual": actual,
    }  # fmt: skip
    if actual:
        shown |= {
            "spent": against_words(actual["spending"], currency, spending=True), "both": against_words(actual["money"], currency, spending=False),
            "measured": [(_title(m), *rest) for m, *rest in measure_rows(actual)], "now": appraisal_rows(actual["now"], currency, rate),
            "course": actual_money(actual, currency),
        }  # fmt: skip
    return shown


def purchase_csv(request: HttpRequest, name: str) -> HttpResponse:
    """The money of a purchase month by month, planned and, where it was bought, as it was."""
    need_everywhere(shell(request), Permission.WHEEL_READ)
    kept = purchase_kept(shell(request).actor, workspace_of(request), name)
    if kept.weighing is None or kept.weighing["refused"]:
        raise NotFound("It is not weighed.")
    d, actual = kept.weighing["weighed"], kept.weighing["actual"]
    was = {row["month"]: row for row in actual["money"]["by_month"]} if actual else {}
    rows, before = [], 0.0
    for month, so_far in enumerate(d["cash_by_month"]):
        one = was.get(month, {})
        rows.append((month, so_far["value"] - before, so_far["value"], so_far["low"], so_far["high"], one.get("planned"), one.get("actual"), d["currency"]))  # fmt: skip
        before = so_far["value"]
    head = ("month", "flow_mean", "so_far_mean", "so_far_low_90", "so_far_high_90", "as_invoiced_planned_so_far", "as_invoiced_actual_so_far", "currency")  # fmt: skip
    return csv_file(f"purchase-{name}", head, rows)


def purchase_file(request: HttpRequest, name: str) -> HttpResponse:
    """The file of a purchase, as the command line reads it."""
    need_everywhere(shell(request), Permission.WHEEL_READ)
    kept = purchase_kept(shell(request).actor, workspace_of(request), name)
    if kept.what is None:
        raise NotFound("This purchase cannot be read.")
    return _toml(name, kept.text)


def _toml(name: str, text: str) -> HttpResponse:
    answer = HttpResponse(text, content_type="application/toml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.toml"'
    return answer


def _title(measure: str) -> str:
    return measures()[measure].title if measure in measures() else measure
