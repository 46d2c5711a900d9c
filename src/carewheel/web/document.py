"""The reference page of roles and routes: ``python -m carewheel.web.document > docs/reference/roles.md``."""

from __future__ import annotations

import os

import django

from carewheel.practice.access import PERMISSIONS, Permission

MARK = "✓"


def page() -> str:
    """The page as Markdown: each role with its permissions, each route with who reaches it. Django must be set up."""
    from carewheel.practice.models import Role
    from carewheel.web.policy import POLICY, routes

    roles = list(PERMISSIONS)
    titles = [Role(role).label for role in roles]
    lines = [
        "# Roles and routes",
        "",
        "Written by `python -m carewheel.web.document`; do not edit. A role holds at one location or at all of an organisation; each command asks",
        "again, with the location that it touches. What belongs to another organisation does not exist.",
        "",
        "## What a role may",
        "",
        "| permission | " + " | ".join(titles) + " |",
        "|---" * (len(roles) + 1) + "|",
        *(
            f"| `{one.value}` | "
            + " | ".join(MARK if one in PERMISSIONS[role] else "" for role in roles)
            + " |"
            for one in Permission
        ),
        "",
        "## Who reaches a route",
        "",
        "*open*: anybody; *signed-in*: any account. A route without a rule does not start.",
        "",
        "| route | address | needs | methods |",
        "|---|---|---|---|",
        *(
            f"| {name} | `/{pattern}` | {POLICY[name].needs} | {' '.join(POLICY[name].methods)} |"
            for name, pattern in routes()
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carewheel.web.settings")
    django.setup()
    print(page(), end="")  # noqa: T201
