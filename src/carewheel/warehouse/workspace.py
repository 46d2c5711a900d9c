"""The workspace: one folder with everything that a practice has loaded. A manifest names what counts; nothing else does.

workspace/
  manifest.json     the one truth: which loads and which current tables count (replaced by an atomic rename)
  secret.key        key of the pseudonyms; never leaves the workspace
  loads/<n>/        the versions that load n brought, one Parquet file a table; never changed
  current/<n>/      the facts as they stand: latest version, best source; what measures are computed from
  staging/          work in progress; thrown away when a run was interrupted
  spill-<process>/  what a large question does not hold in memory, while it is worked out
  turns/<as_of>/    wheel.json and report.html of each turn
  plans/            the plans: one file of sealed lines each, added to and never changed
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import orjson

from carewheel.catalog.facts import FactTable, fact_tables

MANIFEST_VERSION = 1


class WorkspaceRefused(Exception):
    """The workspace cannot be used: `code` says why, `remedy` what to do."""

    def __init__(self, code: str, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.code = code
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True)
class Workspace:
    """A folder of facts. Reading needs no lock; writing takes `writing()`, one writer at a time."""

    root: Path

    @property
    def manifest_path(self) -> Path:
        return self.root / "manifest.json"

    def manifest(self) -> dict[str, Any]:
        """The committed state; an empty one where nothing was loaded yet."""
        try:
            content: Any = orjson.loads(self.manifest_path.read_bytes())
        except FileNotFoundError:
            return {
                "version": MANIFEST_VERSION,
                "next": 1,
                "invented": None,
                "sources": {},
                "loads": [],
                "current": {},
            }
        except (OSError, orjson.JSONDecodeError) as error:
            raise _damaged() from error
        if not isinstance(content, dict):
            raise _damaged()
        if content.get("version") != MANIFEST_VERSION:
            raise WorkspaceRefused(
                "workspace.version",
                f"The workspace has version {content.get('version')}; this CareWheel writes {MANIFEST_VERSION}.",
                "Use another folder with --workspace.",
            )
        kinds = {"next": int, "sources": dict, "loads": list, "current": dict}
        if "invented" not in content or not all(
            isinstance(content.get(k), kind) for k, kind in kinds.items()
        ):
            raise _damaged()
        return content

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The right to write. What an interrupted run left behind is swept away first."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise WorkspaceRefused(
                "workspace.unwritable",
                f"The workspace folder cannot be written ({error.strerror}).",
                "Choose another with --workspace.",
            ) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
                raise WorkspaceRefused(
                    "workspace.busy",
                    "Another CareWheel is writing to this workspace.",
                    "Wait for it to end, or use another folder with --workspace.",
                ) from error
            self.sweep()
            yield
        finally:
            os.close(handle)

    def sweep(self) -> None:
        """Remove what no manifest names: the remains of runs that were killed, and tables that were replaced."""
        manifest = self.manifest()
        shutil.rmtree(self.root / "staging", ignore_errors=True)
        for spill in self.root.glob("spill-*"):
            if not _runs(int(spill.name.removeprefix("spill-"))):
                shutil.rmtree(spill, ignore_errors=True)
        keep = {Path(path).parts[1] for path in manifest["current"].values()}
        loads = {str(load["id"]) for load in manifest["loads"]}
        for folder, names in (("current", keep), ("loads", loads)):
            if (self.root / folder).is_dir():
                for child in (self.root / folder).iterdir():
                    if child.name not in names:
                        shutil.rmtree(child)

    def commit(self, manifest: dict[str, Any]) -> None:
        """Make ``manifest`` the truth: one atomic rename, after everything it names is on disk."""
        write_whole(self.manifest_path, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))

    @cached_property
    def secret(self) -> bytes:
        """The key of the pseudonyms, made once; written completely before it has its name."""
        path = self.root / "secret.key"
        if not path.exists():
            temporary = self.root / "secret.key.new"
            temporary.unlink(missing_ok=True)
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(secrets.token_bytes(32))
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        return path.read_bytes()

    def connect(self, sources: Sequence[str] | None = None, memory: str = "1GB") -> duckdb.DuckDBPyConnection:
        """A connection with one view a fact table over the current facts (an empty one where there are none).

        ``sources`` limits the views to the facts of these sources.
        """
        # A folder of this process: readers take no lock, so a writer's sweep of staging must not take it away.
        connection = open_duckdb(self.root / f"spill-{os.getpid()}", memory)
        current = self.manifest()["current"]
        only = "" if sources is None else f" WHERE source IN ({', '.join(map(quoted, sources)) or 'NULL'})"
        for table in fact_tables().values():
            path = current.get(table.name)
            select = select_table(table, self.root / path if path else None)
            connection.execute(f"CREATE VIEW {table.name} AS SELECT * FROM ({select}){only}")
        return connection


def write_whole(path: Path, content: bytes) -> None:
    """Give a file this content by one atomic rename, once it is on disk: whoever reads sees the old or the new, never a part."""
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _damaged() -> WorkspaceRefused:
    return WorkspaceRefused(
        "workspace.damaged",
        "The workspace's manifest cannot be read.",
        "Restore it from a backup, or use another folder with --workspace.",
    )


def open_duckdb(spill: Path, memory: str = "1GB") -> duckdb.DuckDBPyConnection:
    """DuckDB as CareWheel uses it: in memory, UTC, bounded, no extension ever fetched."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": memory,
            "threads": os.cpu_count() or 2,
            "temp_directory": str(spill),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def select_table(table: FactTable, path: Path | None) -> str:
    """A SELECT of a fact table's columns, typed: from its Parquet file, or with no row at all."""
    if path is not None:
        names = ", ".join(f'"{column.name}"' for column in table.all_columns)
        return f"SELECT {names} FROM read_parquet({readable(path)})"
    columns = ", ".join(f'NULL::{column.sql_type} AS "{column.name}"' for column in table.all_columns)
    return f"SELECT {columns} WHERE false"


ALL_PARTS = "*.parquet"


def readable(path: object) -> str:
    """The path of a file to be read as a string literal of SQL: signs that DuckDB takes for a pattern stand for themselves.

    Only a last part `ALL_PARTS` is a pattern: the files of an adopted table.

    >>> readable("we[ir]d*/a.parquet"), readable("a?/*.parquet")
    ("'we[[]ir]d[*]/a.parquet'", "'a[?]/*.parquet'")
    """
    folder, slash, name = str(path).rpartition("/")
    parts = [
        part if part == ALL_PARTS else re.sub(r"[\[*?]", lambda sign: f"[{sign[0]}]", part)
        for part in (folder, name)
    ]
    return quoted(slash.join(parts) if slash else parts[1])


def quoted(value: object) -> str:
    """A string literal of SQL.

    >>> quoted("Dr. O'Hara")
    "'Dr. O''Hara'"
    """
    return "'" + str(value).replace("'", "''") + "'"
