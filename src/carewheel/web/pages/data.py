"""Data: what was read, how good it is, how fresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse

from carewheel.journeys.see_the_wheel import latest_turn, sources_of
from carewheel.practice.access import Permission
from carewheel.web.shell import csv_file, need_everywhere, page, shell, workspace_of

SEVERITY = {"refused": 0, "doubt": 1, "note": 2}


def data(request: HttpRequest) -> HttpResponse:
    """Sources with rows read, used and refused; tie-out; findings, the gravest first; freshness by measure."""
    need_everywhere(shell(request), Permission.DATA_READ)
    workspace = workspace_of(request)
    sources = sources_of(workspace)
    turned = latest_turn(workspace)
    return page(request, "data/data.html", {"sources": sources, "findings": _findings(sources), "turned": turned})  # fmt: skip


def findings_csv(request: HttpRequest) -> HttpResponse:
    """Every finding of every source."""
    need_everywhere(shell(request), Permission.DATA_READ)
    head = ("source", "severity", "code", "count", "what", "why", "remedy", "file", "line")
    found = _findings(sources_of(workspace_of(request)))
    return csv_file("findings", head, ([f.get(name) for name in head] for f in found))


def _findings(sources: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    rows = [{"source": s["source"], **f} for s in sources for f in s["findings"]]
    return sorted(rows, key=lambda f: (SEVERITY.get(str(f["severity"]), 3), -int(f.get("count") or 1)))
