"""Purchases at the console: who may, what is kept, and the weighing as work for the worker; a row in the audit trail for each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from django.db import transaction

from carewheel.journeys.guide_the_wheel import need_to_plan, refusal_kept, why_nothing
from carewheel.journeys.look_at_the_wheel import MoneyUnknown, look
from carewheel.journeys.weigh_a_purchase import (
    LARGEST,
    before_the_purchase,
    follow_a_purchase,
    weigh_a_purchase,
)
from carewheel.practice.access import Actor, Conflict, NotFound, Refused
from carewheel.practice.audit import record
from carewheel.practice.jobs import Run, enqueue
from carewheel.practice.models import Job
from carewheel.warehouse.workspace import Workspace, WorkspaceRefused
from carewheel.wheel.investments import (
    Described,
    PurchaseRefused,
    Purchases,
    content_of,
    described,
    followed_document,
    mark_of,
    weighed_document,
    written,
)
from carewheel.wheel.turn import NothingToTurn

NO_EFFECT = {"measure": "capacity", "change": [0, 0, 1]}
# Figures that may not be missing.
NEEDED = ("price amount", "tax limit")
Told = TypeVar("Told")
# The kind of job that weighs.
WEIGH_PURCHASE = "weigh-purchase"
# What to do, where the command line would name its commands or the keys of a file.
FILLED = "Take the empty file of this page, or fill in the form."
REMEDIES = {
    "purchase.file": FILLED,
    "purchase.effect": "Choose a play of the catalog, or fill in what it moves: one of the two.",
    "purchase.bought": "Say in which month it was bought, and look again when a month has passed.",
    "purchase.facts": "Say under which words it is booked, or read exports that hold what was paid.",
}


def unfit(refused: PurchaseRefused) -> Refused:
    """In the words of the console; ``data`` has the figure (``at``) and the ``bounds`` that it breaks, if it is one."""
    plain = not any(sign in refused.remedy for sign in ("carewheel ", "[[", "bought ="))
    remedy = refused.remedy if plain else REMEDIES.get(refused.code, FILLED)
    return Refused(refused.code, refused.what, remedy, at=refused.at, bounds=refused.bounds)


@dataclass(frozen=True, slots=True)
class Kept:
    """A purchase for a page. ``what`` is None where its file cannot be read (``trouble`` says why); ``weighing``: what was weighed last of
    it (`weigh_kept`); ``open``: whether it is being weighed, ``progress`` how far (None before it has begun), ``seconds`` since it was asked."""

    name: str
    text: str
    what: Described | None
    trouble: Refused | None
    weighing: Mapping[str, Any] | None
    open: bool = False
    progress: float | None = None
    seconds: float = 0.0
    given_up: bool = False


def purchases_kept(workspace: Workspace) -> list[Kept]:
    """Every purchase of the workspace with what was weighed last, by title."""
    shelf = Purchases(workspace)
    found = [_kept(shelf, name) for name in shelf.names()]
    return sorted(found, key=lambda one: (one.what is None, one.what.title.lower() if one.what else one.name))


def purchase_kept(actor: Actor, workspace: Workspace, name: str) -> Kept:
    """One purchase, and how far its weighing is. Raises `NotFound`."""
    shelf = Purchases(workspace)
    if not shelf.has(name):
        raise NotFound("There is no such purchase.")
    kept = _kept(shelf, name)
    job = _jobs(actor, kept).order_by("-id").first()
    if job is None:
        return kept
    waits = job.status in (Job.Status.WAITING, Job.Status.RUNNING)
    seconds = max((actor.at - job.created_at).total_seconds(), 0.0)
    return Kept(kept.name, kept.text, kept.what, kept.trouble, kept.weighing, waits, job.progress, seconds,
                job.status == Job.Status.DEAD and kept.weighing is None)  # fmt: skip


def read_file(data: bytes) -> dict[str, Any]:
    """Keys and tables of a file that somebody brings, judged. Raises `Refused` (`unfit`)."""
    try:
        if len(data) > LARGEST:
            raise PurchaseRefused("purchase.file", "The file is too large to be a purchase.", FILLED)
        text = data.decode("utf-8-sig")
        described(text)
        return content_of(text)
    except UnicodeDecodeError as error:
        raise unfit(PurchaseRefused("purchase.file", "The file cannot be read as text.", FILLED)) from error  # fmt: skip
    except PurchaseRefused as refused:
        raise unfit(refused) from refused


def troubles_of(content: Mapping[str, Any]) -> list[Refused]:
    """Everything that `described` refuses of a purchase, each figure once: one that is refused is set aside, and it is judged again."""
    left = {key: dict(value) if isinstance(value, Mapping) else value for key, value in content.items()}
    left["effect"] = list(content.get("effect", ()))
    found: list[Refused] = []
    while True:
        try:
            described(written(left))
        except PurchaseRefused as refused:
            found.append(unfit(refused))
            table, _, key = refused.at.rpartition(" ")
            if not refused.at:
                return found
            if table == "effect":
                left["effect"][int(key)] = NO_EFFECT
            elif refused.at in NEEDED:
                left[table] = {**left.get(table, {}), key: 0}
            else:
                del (left[table] if table else left)[key]
        else:
            return found


def keep_purchase(
    actor: Actor, workspace: Workspace, content: Mapping[str, Any], name: str = "", of: str = ""
) -> str:
    """Keep a purchase (``name``: instead of that one, whose text had the mark ``of``) and have it weighed; returns its name.

    Raises `Refused` (`unfit`) for what `described` refuses, and then nothing is kept; `NotFound`; `Conflict` where somebody changed it
    meanwhile; `Refused` while another writes.
    """
    need_to_plan(actor)

    def act() -> tuple[str, str]:
        text = written(content)
        return text, Purchases(workspace).put(text, described(text).title, name, of)

    text, kept = _told(act)
    with transaction.atomic():
        record(actor, "change-purchase" if name else "keep-purchase", "purchase", kept)
        _ask(actor, kept, text)
    return kept


def ask_to_weigh(actor: Actor, workspace: Workspace, name: str) -> None:
    """Have it weighed again, with what is known now. Raises `NotFound`."""
    need_to_plan(actor)
    text = _told(lambda: Purchases(workspace).text(name))
    with transaction.atomic():
        record(actor, "weigh-purchase", "purchase", name)
        _ask(actor, name, text)


def remove_purchase(actor: Actor, workspace: Workspace, name: str) -> None:
    """It and what was weighed of it are gone. Raises `NotFound`; `Refused` while another writes."""
    need_to_plan(actor)
    _told(lambda: Purchases(workspace).remove(name))
    with transaction.atomic():
        record(actor, "remove-purchase", "purchase", name)


def weigh_kept(workspace: Workspace, run: Run) -> None:
    """The worker's part: weigh the purchase that the job names, follow it where it was bought, and keep what was found beside it.

    Where nothing can be said, what is kept says why. A purchase that was changed or removed meanwhile keeps nothing.
    """
    shelf, name = Purchases(workspace), str(run.payload["purchase"])
    try:
        text = shelf.text(name)
    except PurchaseRefused:
        return
    try:
        found = weighed_now(workspace, described(text), run.at.date(), run.beat)
    except PurchaseRefused as refused:
        found = refusal_kept(unfit(refused))
    except (MoneyUnknown, NothingToTurn) as unknown:
        found = refusal_kept(why_nothing(unknown))
    with transaction.atomic():
        run.fence()
        shelf.keep_weighing(name, text, {"on": run.at.date().isoformat()} | found)


def weighed_now(
    workspace: Workspace, what: Described, today: date, beat: Callable[[float], None]
) -> dict[str, Any]:
    """The weighing as it is kept: of the practice as it is, or as it was before the month of the purchase, and then held against what happened since.

    ``beat`` is told how far it is. Raises `PurchaseRefused`, `MoneyUnknown` and `NothingToTurn` as the steps do.
    """
    looked = look(workspace, today)
    then, note, why_not = looked, "", ""
    follows = what.bought is not None
    if follows:
        try:
            then, note = before_the_purchase(looked, what, today)
        except PurchaseRefused as refused:
            follows, why_not = False, refused.what
    beat(0.1)
    then.need_money()
    beat(0.5)
    weighed = weigh_a_purchase(then, what)
    actual = None
    if follows:
        beat(0.8)
        try:
            actual = followed_document(follow_a_purchase(looked, weighed))
        except PurchaseRefused as refused:
            said = unfit(refused)
            why_not = f"{said.what} {said.remedy}"
    return {
        "on": today.isoformat(),
        "refused": None,
        "as_of": looked.as_of.isoformat(),
        "weighed_as_of": then.as_of.isoformat(),
        "invented": looked.invented,
        "note": note,
        "weighed": weighed_document(weighed),
        "actual": actual,
        "why_no_actual": why_not,
    }


def _kept(shelf: Purchases, name: str) -> Kept:
    try:
        text = shelf.text(name)
        return Kept(name, text, described(text), None, shelf.weighing(name))
    except PurchaseRefused as refused:
        # The file was written by another hand.
        return Kept(name, "", None, unfit(refused), None)


def _jobs(actor: Actor, kept: Kept) -> Any:
    return Job.objects.filter(organisation=actor.organisation_id, kind=WEIGH_PURCHASE, key=_key(actor, kept.name, kept.text))  # fmt: skip


def _ask(actor: Actor, name: str, text: str) -> None:
    enqueue(WEIGH_PURCHASE, {"purchase": name}, run_at=actor.at, key=_key(actor, name, text), organisation_id=actor.organisation_id)  # fmt: skip


def _key(actor: Actor, name: str, text: str) -> str:
    """One job at a time for one text of a purchase: a changed text is asked anew."""
    return f"{WEIGH_PURCHASE}:{actor.organisation_id}:{name}:{mark_of(text)}"


def _told(act: Callable[[], Told]) -> Told:
    """Refusals of the hub in the words of the console."""
    try:
        return act()
    except PurchaseRefused as refused:
        if refused.code == "purchase.missing":
            raise NotFound("There is no such purchase.") from refused
        if refused.code == "purchase.changed":
            raise Conflict(refused.code, refused.what, refused.remedy) from refused
        raise unfit(refused) from refused
    except WorkspaceRefused as refused:
        raise Refused(refused.code, refused.what, refused.remedy) from refused
