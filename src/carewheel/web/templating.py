"""The Jinja2 environment of the pages: addresses, static files, moments in the zone of the reader's location."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from django.templatetags.static import static
from django.urls import reverse

from carewheel.practice.clocks import clock_time
from carewheel.wheel.numbers import number
from carewheel.wheel.report import FILTERS, template_text


def environment(**options: Any) -> jinja2.Environment:
    """As Django's backend asks for it: autoescaped, undefined names fail. ``report/…`` are the parts that the report shows too."""
    report = jinja2.PrefixLoader({"report": jinja2.FunctionLoader(template_text)})
    made = jinja2.Environment(
        **(
            options
            | {
                "undefined": jinja2.StrictUndefined,
                "trim_blocks": True,
                "lstrip_blocks": True,
                "loader": jinja2.ChoiceLoader([options["loader"], report]),
            }
        )
    )
    made.globals |= {
        "static": static,
        "url": lambda name, *args, **words: reverse(name, args=args, kwargs=words),
        "timedelta": timedelta,
    }
    made.filters |= FILTERS | {
        "moment": _moment,
        "clock": _clock,
        "date_words": date_words,
        "ago": ago,
        "figure": lambda value, m: number(value, m["unit"], m["currency"]),
    }
    return made


def moment(at: datetime, zone: str, clock: str = "") -> str:
    """As people say it: "Tue 3 Mar 14:30"; by the clock of the organisation."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b} {clock_time(local, clock)}"


# In templates by the clock that the page has (`shell.page`, `pages.public`).
@jinja2.pass_context
def _moment(context: jinja2.runtime.Context, at: datetime, zone: str) -> str:
    return moment(at, zone, context.get("clock", ""))


@jinja2.pass_context
def _clock(context: jinja2.runtime.Context, at: datetime) -> str:
    return clock_time(at, context.get("clock", ""))


def date_words(day: date | None, weekday: bool = False) -> str:
    """A date as people write it.

    >>> date_words(date(2026, 3, 2)), date_words(date(2026, 3, 2), True), date_words(None)
    ('2 Mar 2026', 'Mon 2 Mar', '')
    """
    if day is None:
        return ""
    return f"{day:%a} {day.day} {day:%b}" if weekday else f"{day.day} {day:%b %Y}"


def ago(at: datetime, now: datetime) -> str:
    """How long ago, roughly.

    >>> ago(datetime(2026, 3, 2, 12), datetime(2026, 3, 2, 12, 40)), ago(datetime(2026, 3, 1), datetime(2026, 3, 3))
    ('40 min ago', '2 days ago')
    """
    minutes = int((now - at).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"
