"""One file with everything: the database as it stood at one moment, and the workspace's files; each with its digest, checked before use.

Patients' data and keys are in it in the clear: whoever keeps it encrypts it. What is left out can be made again: work in progress, locks,
exports of the invented group.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

import orjson

import carewheel
from carewheel.practice.access import Refused
from carewheel.practice.database import SQLITE_NAME

FORMAT = 1
MANIFEST = "backup.json"
DATABASE = "database"
FILES = "workspace/"
_LEFT_OUT = ("staging", "spill-", "demo", "lock", "console-lock", SQLITE_NAME)
_CHUNK = 1 << 20
_LONGEST_MANIFEST = 1 << 26
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class BackupMade:
    """A backup that was written: how many files of how many bytes, and the last row of its audit trail."""

    path: Path
    files: int
    bytes: int
    audit_number: int
    audit_seal: str


def back_up(path: Path, workspace: Path, settings: dict[str, Any], at: datetime) -> BackupMade:
    """Write everything into the new file ``path``, readable by its owner only. ``settings``: those of Django's database.

    The console may run meanwhile. Raises `Refused`: backup.exists, backup.inside, backup.tools.
    """
    if path.exists():
        raise Refused("backup.exists", f"There is a file {path.name} already.", "Give another name.")
    if path.resolve().is_relative_to(workspace.resolve()):
        raise Refused("backup.inside", "The backup would lie in what it backs up.", "Give another folder.")
    new = path.with_name(path.name + ".new")
    dump = path.with_name(path.name + ".database")
    try:
        handle = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            os.close(os.open(dump, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
            told = _dump(settings, dump)
            entries = {DATABASE: _put(archive, DATABASE, dump)}
            for file in _files(workspace):
                name = FILES + file.relative_to(workspace).as_posix()
                entries[name] = _put(archive, name, file)
            manifest = {
                "format": FORMAT, "made_by": carewheel.__version__, "made_at": at.astimezone(UTC).isoformat(),
                "engine": _engine(settings), "entries": entries, **told,
            }  # fmt: skip
            archive.writestr(MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        with new.open("rb") as written:
            os.fsync(written.fileno())
        new.replace(path)
    finally:
        dump.unlink(missing_ok=True)
        new.unlink(missing_ok=True)
    return BackupMade(path, len(entries), path.stat().st_size, told["audit"][0], told["audit"][1])


def check(path: Path) -> dict[str, Any]:
    """The manifest of a backup whose every byte is as it was written. Raises `Refused`: backup.foreign, backup.newer, backup.corrupt."""
    with _opened(path) as archive:
        manifest = _manifest(archive)
        for name, entry in manifest["entries"].items():
            _copy(archive, name, entry, None)
    return manifest


def restore(path: Path, workspace: Path, settings: dict[str, Any], *, replace: bool, known: Callable[[str, str], bool]) -> dict[str, Any]:  # fmt: skip
    """Bring back what ``path`` holds into ``workspace`` and the database; returns the backup's manifest.

    Everything is checked before anything is touched. ``known``: whether this CareWheel has a migration. Raises as `check`, and `Refused`:
    backup.engine, backup.there (something is there and not ``replace``), backup.inside, backup.tools, backup.room (it does not fit here).
    """
    if path.resolve().is_relative_to(workspace.resolve()):
        raise Refused("backup.inside", "The backup lies in what it would replace.", "Move it elsewhere.")
    fresh = workspace.with_name(workspace.name + ".restoring")
    with _opened(path) as archive:
        manifest = _manifest(archive)
        if manifest["engine"] != _engine(settings):
            raise Refused(
                "backup.engine", f"The backup is of {manifest['engine']}, the database here is {_engine(settings)}.",
                "Set or unset DATABASE_URL.",
            )  # fmt: skip
        if later := [f"{app}.{name}" for app, name in manifest["migrations"] if not known(app, name)]:
            raise Refused("backup.newer", f"A later CareWheel made this backup ({later[-1]}).", "Install that version.")  # fmt: skip
        if not replace and _there(workspace, settings):
            raise Refused("backup.there", "There is a database or workspace already.", "Restore elsewhere, or add --replace.")  # fmt: skip
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            _need_room(fresh.parent, sum(entry["bytes"] for entry in manifest["entries"].values()))
            for name, entry in manifest["entries"].items():
                target = fresh / (name.removeprefix(FILES) if name != DATABASE else SQLITE_NAME)
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                    _copy(archive, name, entry, out)
            _check_database(fresh / SQLITE_NAME, manifest)
            _swap(fresh, workspace, settings)
        except OSError as error:
            raise Refused("backup.room", f"It cannot be written here: {error.strerror}.", "Make room, or restore elsewhere.") from error  # fmt: skip
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return manifest


def _need_room(folder: Path, size: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(folder).free) < size:
        raise Refused("backup.room", f"The backup unpacks to {size:,} bytes, {free:,} are free here.", "Make room, or restore elsewhere.")  # fmt: skip


def _swap(fresh: Path, workspace: Path, settings: dict[str, Any]) -> None:
    """The restored in place of what was there."""
    if _engine(settings) == "postgresql":
        # In one transaction: who is interrupted here finds the database as it was.
        _postgres(settings, "pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", "--dbname",
                  settings["NAME"], str(fresh / SQLITE_NAME))  # fmt: skip
        (fresh / SQLITE_NAME).unlink()
    before = workspace.with_name(workspace.name + ".replaced")
    shutil.rmtree(before, ignore_errors=True)
    if workspace.exists():
        workspace.rename(before)
    fresh.rename(workspace)
    shutil.rmtree(before, ignore_errors=True)


def _there(workspace: Path, settings: dict[str, Any]) -> bool:
    if (workspace / "manifest.json").exists() or (workspace / SQLITE_NAME).exists():
        return True
    if _engine(settings) == "sqlite":
        return False
    said = _postgres(settings, "psql", "-XAtc", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", settings["NAME"])  # fmt: skip
    return said.strip() != b"0"


def _dump(settings: dict[str, Any], to: Path) -> dict[str, Any]:
    """The database as of one moment, with its migrations and the last row of its audit trail as of then."""
    if _engine(settings) == "postgresql":
        _postgres(settings, "pg_dump", "--format=custom", "--file", str(to), settings["NAME"])
        rows = [
            _postgres(settings, "psql", "-XAt", "-F\t", "-c", question, settings["NAME"])
            .decode()
            .splitlines()
            for question in (_MIGRATIONS, _LAST)
        ]
        last = rows[1][0].split("\t") if rows[1] else ["0", ""]
        return {"migrations": [row.split("\t") for row in rows[0]], "audit": [int(last[0]), last[1]]}
    with (
        closing(sqlite3.connect(settings["NAME"], timeout=30)) as source,
        closing(sqlite3.connect(to)) as copy,
    ):
        source.backup(copy, pages=4096)
        copy.execute("PRAGMA journal_mode=DELETE")
        return {
            "migrations": [list(row) for row in copy.execute(_MIGRATIONS)],
            "audit": list(copy.execute(_LAST).fetchone() or (0, "")),
        }


_MIGRATIONS = "SELECT app, name FROM django_migrations ORDER BY id"
_LAST = "SELECT number, seal FROM practice_auditevent ORDER BY number DESC LIMIT 1"


def _check_database(path: Path, manifest: dict[str, Any]) -> None:
    if manifest["engine"] != "sqlite":
        return
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as database:
        if database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]:
            return
    raise _corrupt("database")


def _postgres(settings: dict[str, Any], *words: str) -> bytes:
    """A tool of PostgreSQL with the address of the database; the password goes by the environment, where no list of processes shows it."""
    tool = shutil.which(words[0])
    if tool is None:
        raise Refused(
            "backup.tools", f"{words[0]} is not installed.", "Install PostgreSQL's client programs."
        )
    given = {"PGHOST": settings["HOST"], "PGPORT": settings["PORT"], "PGUSER": settings["USER"], "PGPASSWORD": settings["PASSWORD"]}  # fmt: skip
    environment = os.environ | {name: value for name, value in given.items() if value}
    done = subprocess.run([tool, *words[1:]], env=environment, capture_output=True, check=False)
    if done.returncode:
        raise Refused(
            "backup.tools", f"{words[0]} failed: {done.stderr.decode(errors='replace').splitlines()[-1:]}"
        )
    return done.stdout


def _engine(settings: dict[str, Any]) -> str:
    return "postgresql" if settings["ENGINE"].endswith("postgresql") else "sqlite"


def _files(workspace: Path) -> Iterator[Path]:
    for path in sorted(workspace.rglob("*")):
        top = path.relative_to(workspace).parts[0]
        if path.is_file() and not path.is_symlink() and not top.startswith(_LEFT_OUT):
            yield path


def _put(archive: zipfile.ZipFile, name: str, path: Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as source, archive.open(name, "w", force_zip64=True) as target:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            target.write(chunk)
    return {"sha256": digest.hexdigest(), "bytes": size}


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise Refused("backup.missing", f"There is no file {path.name}.", "Check the path.") from error
    except (zipfile.BadZipFile, OSError) as error:
        raise Refused("backup.foreign", "The file is no backup of CareWheel, or it is cut off.", "Take another one.") from error  # fmt: skip


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    """What the backup says of itself, of the right form and as large as the file says too; nothing else has been unpacked by then."""
    try:
        with archive.open(MANIFEST) as source:
            text = source.read(_LONGEST_MANIFEST + 1)
        manifest: dict[str, Any] = orjson.loads(text)
        entries = manifest["entries"]
        wellformed = (
            len(text) <= _LONGEST_MANIFEST
            and manifest["format"] <= FORMAT
            and DATABASE in entries
            and all(_is_inside(name) and _is_entry(entry) for name, entry in entries.items())
            and all(len(pair) == 2 and all(isinstance(word, str) for word in pair) for pair in manifest["migrations"])
            and isinstance(manifest["engine"], str)
            and len(manifest["audit"]) == 2
        )  # fmt: skip
    except (
        AttributeError,
        IndexError,
        KeyError,
        TypeError,
        ValueError,
        RuntimeError,
        zlib.error,
        zipfile.BadZipFile,
        OSError,
    ) as error:
        raise Refused("backup.foreign", "The file is no backup of CareWheel, or it is damaged.", "Take another one.") from error  # fmt: skip
    if not wellformed:
        raise Refused("backup.foreign", "The backup is of a later CareWheel, or names places outside.", "Take another one.")  # fmt: skip
    _refuse_bomb(archive, entries)
    return manifest


def _is_entry(entry: dict[str, Any]) -> bool:
    return isinstance(entry["bytes"], int) and entry["bytes"] >= 0 and isinstance(entry["sha256"], str)


def _refuse_bomb(archive: zipfile.ZipFile, entries: dict[str, dict[str, Any]]) -> None:
    """Parts that lie over one another unpack to any size; apart, packed as we pack, to a thousand times the file at most."""
    parts = archive.infolist()
    held = {part.filename: part for part in parts}
    plain = all(part.compress_type in _PACKED and not part.flag_bits & 1 for part in parts)
    whole = archive.fp.seek(0, os.SEEK_END) if archive.fp else 0
    if not plain or len(held) != len(parts) or sum(part.compress_size for part in parts) > whole:
        raise Refused("backup.foreign", "The file is packed as no backup of CareWheel is.", "Take another one.")  # fmt: skip
    for name, entry in entries.items():
        if name not in held or held[name].file_size != entry["bytes"]:
            raise _corrupt(name)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    # Written another way than paths are ("workspace//etc"), what follows the folder could be a place of its own.
    plain = str(path) == name and ".." not in path.parts and "\\" not in name and "\0" not in name
    return name == DATABASE or (plain and name.startswith(FILES) and name != FILES + SQLITE_NAME)


def _copy(archive: zipfile.ZipFile, name: str, entry: dict[str, Any], to: IO[bytes] | None) -> None:
    """An entry to a file (or nowhere), no longer than the manifest says and with its digest."""
    digest, left = hashlib.sha256(), int(entry["bytes"])
    for chunk in _unpacked(archive, name):
        left -= len(chunk)
        if left < 0:
            raise _corrupt(name)
        digest.update(chunk)
        if to is not None:
            to.write(chunk)
    if left or digest.hexdigest() != entry["sha256"]:
        raise _corrupt(name)


def _unpacked(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    try:
        with archive.open(name) as source:
            while chunk := source.read(_CHUNK):
                yield chunk
    except (KeyError, zipfile.BadZipFile, EOFError, OSError, RuntimeError, zlib.error) as error:
        raise _corrupt(name) from error


def _corrupt(name: str) -> Refused:
    return Refused(
        "backup.corrupt", f"The backup is damaged at {name}; nothing was restored.", "Take another one."
    )
