"""Which location the pages are about."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from carewheel.web.shell import LOCATION, number_of, shell, way_back


def choose(request: HttpRequest) -> HttpResponse:
    """Look at another location from now on; back to the same page."""
    frame = shell(request)
    frame.at(number_of(request.POST.get("location")) or 0)
    request.session[LOCATION] = request.POST["location"]
    return HttpResponseRedirect(way_back(request) or "/")
