"""Fill a large book and ask every page of the console for it: ``python -m benchmarks.console.measure VISITS``; prints JSON.

Server time: from a request to its bytes, through every layer of the site, in this process. CAREWHEEL_WORKSPACE and DATABASE_URL say where.
"""

from __future__ import annotations

import json
import os
import sys
import time
from statistics import median
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carewheel.web.settings")

import django

django.setup()

from benchmarks.console.large_book import fill  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

# As the server's own processes begin.
import carewheel.web.wsgi  # noqa: E402, F401
from carewheel.practice.models import Location, Resource, Visit, VisitType  # noqa: E402

ROUNDS = 20


def addresses() -> dict[str, str]:
    """Every page of the console, with things that are there."""
    place, kind = Location.objects.earliest("pk"), VisitType.objects.earliest("pk")
    visit = Visit.objects.filter(location=place, starts_at__gte=timezone.now()).earliest("starts_at")
    person = Resource.objects.filter(location=place).earliest("pk")
    today = timezone.now().date()
    return {
        "wheel": "/", "day board": "/day/", "schedule, a day": "/schedule/", "schedule, a week": "/schedule/?days=7",
        "schedule, as a table": "/schedule/?view=table", "a visit": f"/visits/{visit.pk}/",
        "free times": f"/schedule/find/?visit_type={kind.pk}&earliest={today}", "book": "/schedule/book/", "patients, searched": "/patients/?q=exampleab",
        "a patient": f"/patients/{visit.patient_id}/", "waitlist": "/waitlist/", "to be taken over": "/outbound/", "access": "/access/",
        "data": "/data/", "settings": "/settings/", "a place": f"/settings/places/{place.pk}/",
        "hours of a person": f"/settings/places/{place.pk}/resources/{person.pk}/", "members": "/settings/members/", "jobs": "/jobs/", "audit": "/audit/",
    }  # fmt: skip


def main(visits: int) -> dict[str, Any]:
    began = time.perf_counter()
    call_command("migrate", verbosity=0)
    _, owner = fill(visits, timezone.now())
    filled = time.perf_counter() - began
    settings.ALLOWED_HOSTS.append("testserver")
    client = Client()
    client.force_login(owner)
    rows = []
    for name, path in addresses().items():
        # The first in a process reads hours and bookings of the place into memory.
        client.get(path)
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(path)
            asked = sum(not one["sql"].startswith(("BEGIN", "COMMIT")) for one in queries)
        seconds = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            client.get(path)
            seconds.append(time.perf_counter() - start)
        rows.append(
            {"page": name, "status": answer.status_code, "bytes": len(answer.content), "queries": asked, "ms": 1000 * median(seconds), "most": 1000 * max(seconds)}
        )  # fmt: skip
    return {
        "visits": Visit.objects.count(),
        "filled": filled,
        "session": client.cookies["sessionid"].value,
        "rows": rows,
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
