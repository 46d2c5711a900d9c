"""Several visits at once: arrived, did not come, cancelled; and what was done taken back, as long as that can be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from carewheel.practice.access import Permission, Refused
from carewheel.practice.clocks import clock_time
from carewheel.spokes.operations.commands_booking import cancel_visit
from carewheel.spokes.operations.commands_day import mark_visit
from carewheel.spokes.operations.commands_taking_back import WITHIN, take_back_cancellation
from carewheel.spokes.operations.contracts_booking import VisitDetail
from carewheel.spokes.operations.queries_booking import visits
from carewheel.web.shell import done, number_of, page, shell, way_back

T = TypeVar("T")
MOST = 100
SALT = "carewheel.undo"
SAID = {"arrived": "here", "noshow": "marked as not come", "cancel": "cancelled"}
# Refusals that are named one by one; of more only how many.
NAMED = 5


def several(request: HttpRequest) -> HttpResponse:
    """Do one thing to all that were chosen, each for itself; a cancellation asks for its reason first."""
    actor = shell(request).actor
    versions = dict(_pairs(request.POST.getlist("visit")[:MOST]))
    wanted, reason = request.POST.get("do", ""), request.POST.get("reason", "").strip()
    found = visits(actor, versions)
    if wanted not in SAID:
        raise Refused("wrong-step", "There is no such step.", "Use the buttons.")
    if not found:
        messages.error(request, "Nothing was chosen.")
        return HttpResponseRedirect(way_back(request) or "/day/")
    if wanted == "cancel":
        actor.need(Permission.SCHEDULE_WRITE)
    if wanted == "cancel" and not reason:
        words = {
            "found": found,
            "versions": versions,
            "next": way_back(request),
            "asked": "reason" in request.POST,
        }
        return page(request, "schedule/several.html", words, status=400 if words["asked"] else 200)

    def work(v: VisitDetail) -> list[Any]:
        if wanted == "cancel":
            after = cancel_visit(actor, v.id, versions[v.id], reason)
        else:
            after = mark_visit(actor, v.id, versions[v.id], wanted)
        return [wanted, v.id, after.version, v.status, [o.resource_id for o in v.occupied]]

    made, refused = _each(found, work, shell(request).clock)
    _tell_refused(request, refused, f"not {SAID[wanted]}")
    if not made:
        return HttpResponseRedirect(way_back(request) or "/day/")
    one = len(made) == 1
    said = f"{len(made)} {'visit is' if one else 'visits are'} {SAID[wanted]}."
    if wanted == "cancel":
        said += f" {'The patient is' if one else 'The patients are'} told in a minute; until then this can be undone without a trace."
    return done(request, said, "/day/", undo=undo_token(actor.user_id, made))


def undo(request: HttpRequest) -> HttpResponse:
    """Take back what a toast offers to take back: for ten minutes, by who did it."""
    actor = shell(request).actor
    try:
        user, made = signing.loads(request.POST.get("token", ""), salt=SALT, max_age=WITHIN)
    except signing.BadSignature as error:
        raise Refused(
            "undo-over", "It is too late to take this back.", "Change the visits one by one."
        ) from error
    if user != actor.user_id:
        raise Refused("forbidden", "Somebody else did this.", "Change the visits one by one.")
    before = {one[1]: one for one in made}
    told: list[str] = []

    def work(v: VisitDetail) -> None:
        step, _, version, status, resource_ids = before[v.id]
        if step != "cancel":
            mark_visit(actor, v.id, version, "undo")
        elif take_back_cancellation(
            actor, v.id, version, status=status, resource_ids=tuple(resource_ids)
        ).told:
            told.append(v.patient_name)

    again, refused = _each(visits(actor, before), work, shell(request).clock)
    _tell_refused(request, refused, "not taken back")
    if told:
        messages.warning(request, f"Already told that the visit is cancelled: {', '.join(told)}. A message that it stands is on its way; call them if it is soon.")  # fmt: skip
    said = f"Taken back: {len(again)} {'visit' if len(again) == 1 else 'visits'}." if again else ""
    return done(request, said, "/day/") if said else HttpResponseRedirect(way_back(request) or "/day/")


def undo_token(user_id: int | None, made: Sequence[Any]) -> str:
    """What was done, sealed: for each visit the step, its number, its version after it, and its status, people and rooms before."""
    return signing.dumps([user_id, list(made)], salt=SALT, compress=True)


def _pairs(chosen: Iterable[str]) -> Iterable[tuple[int, int]]:
    """Number and version of visits, as the boxes to choose them say."""
    for one in chosen:
        visit, _, version = one.partition(":")
        if (number := number_of(visit)) is not None:
            yield number, number_of(version) or 0


def _each(
    found: Sequence[VisitDetail], work: Callable[[VisitDetail], T], how: str
) -> tuple[list[T], list[str]]:
    """What came of each visit, and why not of the others, at its time by the clock of the house."""
    made, refused = [], []
    for v in found:
        try:
            made.append(work(v))
        except Refused as refusal:
            refused.append(f"{v.patient_name or 'Visit'}, {clock_time(v.starts_at, how)}: {refusal.what}")
    return made, refused


def _tell_refused(request: HttpRequest, refused: Sequence[str], how: str) -> None:
    if refused:
        more = f" And {len(refused) - NAMED} more." if len(refused) > NAMED else ""
        messages.error(request, f"{len(refused)} {how}. {' '.join(refused[:NAMED])}{more}")
