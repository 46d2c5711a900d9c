"""The Jinja2 environment of the pages: addresses, static files, moments in the zone of the reader's location."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from django.templatetags.static import static
from django.urls import reverse


def environment(**options: Any) -> jinja2.Environment:
    """As Django's backend asks for it: autoescaped, undefined names fail."""
    made = jinja2.Environment(
        **(options | {"undefined": jinja2.StrictUndefined, "trim_blocks": True, "lstrip_blocks": True})
    )
    made.globals |= {
        "static": static,
        "url": lambda name, *args, **words: reverse(name, args=args, kwargs=words),
    }
    made.filters |= {"moment": moment, "clock": clock}
    return made


def moment(at: datetime, zone: str) -> str:
    """As people say it: "Tue 3 Mar 14:30"."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def clock(at: datetime | None, zone: str) -> str:
    """The time of day: "14:30"; "" for none."""
    return f"{at.astimezone(ZoneInfo(zone)):%H:%M}" if at else ""
