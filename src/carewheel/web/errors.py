"""Pages of refusals: what happened, what is safe, what to do."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from carewheel.practice.access import Conflict, Forbidden, NotFound, Refused


def status_of(error: Refused) -> int:
    """The HTTP status of a refusal."""
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, Forbidden) or error.code == "forbidden":
        return 403
    return 409 if isinstance(error, Conflict) else 400


def refused(request: HttpRequest, error: Refused) -> HttpResponse:
    """The page, or for a part of a page the text alone, of a refusal."""
    status = status_of(error)
    words = {"what": error.what, "remedy": error.remedy, "code": error.code, "status": status}
    template = "errors/part.html" if request.headers.get("HX-Request") else "errors/page.html"
    return render(request, template, words, status=status)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without the token of its page."""
    return refused(
        request,
        Refused("forbidden", "This form was too old, or came from elsewhere.", "Open the page again and send it anew."),
    )  # fmt: skip


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """No such address."""
    return refused(request, NotFound("There is no such page."))


def denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django itself refused."""
    return refused(request, Refused("forbidden", "This is not allowed.", "Go back and try again."))


def unreadable(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A request that cannot be read: too many fields, a wrong host, a broken address."""
    return refused(request, Refused("refused", "This request cannot be read.", "Go back and try again."))


def broken(request: HttpRequest) -> HttpResponse:
    """A bug, or a database that is away for a moment (503). Knows no database and no template that could fail again."""
    away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    what = "The database is away for a moment" if away else "Something went wrong"
    response = HttpResponse(
        f"<!doctype html><html lang=en><title>CareWheel</title><h1>{what}</h1>"
        "<p>Nothing was half-saved. Go back and try again; if it happens again, tell whoever runs CareWheel.</p></html>",
        status=503 if away else 500,
    )
    if away:
        response["Retry-After"] = "5"
    return response
