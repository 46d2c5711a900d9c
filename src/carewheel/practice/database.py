"""Which database: SQLite in the workspace, or PostgreSQL by ``DATABASE_URL``. Knows no Django, so that doors can say early what is wrong."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

SQLITE_NAME = "practice.sqlite3"


class DatabaseRefused(Exception):
    """The database cannot be used: ``code`` says why, the text what to do."""

    def __init__(self, code: str, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.code = code


def database(url: str, workspace: Path) -> dict[str, Any]:
    """Django's settings of the database. Raises `DatabaseRefused` for another scheme, or PostgreSQL without its driver.

    SQLite: WAL, IMMEDIATE transactions (a deferred one fails at once where another writes), synchronous FULL (a power cut loses nothing
    that was acknowledged). PostgreSQL: connections kept for a minute and checked before use.

    >>> database("postgresql://desk:secret@db.example.com/clinic", Path("w"))["NAME"]
    'clinic'
    """
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(workspace / SQLITE_NAME),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=30000; PRAGMA cache_size=-65536;",
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
        raise DatabaseRefused(
            "database.scheme",
            f"DATABASE_URL begins with {parts.scheme or 'nothing'!s}.",
            "Write postgresql://user:password@host:port/name, or unset it for SQLite.",
        )
    if importlib.util.find_spec("psycopg") is None:
        raise DatabaseRefused(
            "database.driver", "PostgreSQL needs its driver.", "Run pip install 'carewheel[postgres]'."
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        # A socket is a folder, and stands in the query as libpq writes it.
        "HOST": parse_qs(parts.query).get("host", [parts.hostname or ""])[0],
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
