"""A time that became free, offered by hand: who of the waitlist fits, and whom to ask."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from carewheel.practice.access import NotFound, Refused
from carewheel.spokes.operations.commands_waitlist import offer_to
from carewheel.spokes.operations.queries_waitlist import who_fits
from carewheel.web.shell import done, number_of, page, shell, site_address


def gap(request: HttpRequest, gap_id: int) -> HttpResponse:
    """All whom the time fits, the best first; sent, those who were chosen are asked."""
    actor = shell(request).actor
    error = None
    chosen = {number_of(one) or 0 for one in request.POST.getlist("entry")}
    if request.method == "POST":
        link = site_address(request) + reverse("offer", args=["TOKEN"]).replace("TOKEN", "{token}")
        try:
            made = offer_to(actor, gap_id, chosen, link)
        except Refused as refused:
            if isinstance(refused, NotFound):
                raise
            error = refused
        else:
            return done(request, f"{len(made)} asked. The first to take it has it.", "/waitlist/")
    line, fits = who_fits(actor, gap_id)
    return page(request, "waitlist/gap.html", {"gap": line, "fits": fits, "chosen": chosen}, error=error)
