"""Where the facts of an organisation lie: the first of a database has the workspace itself, each further one a workspace of its own inside."""

from __future__ import annotations

from pathlib import Path

from carewheel.practice.models import Organisation


def folder_of(root: Path, organisation_id: int) -> Path:
    """The workspace of an organisation, so that nobody sees the wheel of another: ``root``, or ``root/organisations/<id>``."""
    first = Organisation.objects.order_by("pk").values_list("pk", flat=True).first()
    return root if first in (None, organisation_id) else root / "organisations" / str(organisation_id)
