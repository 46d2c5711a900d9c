"""Finding the files under a path: folders, archives and what lies in them, in a fixed order, each bad one a finding."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from carewheel.interop.files.findings import Finding, refused
from carewheel.interop.files.opening import (
    ARCHIVE_FAULTS,
    BOMB_BYTES,
    BOMB_RATIO,
    SourceFile,
    printable,
)

MAX_MEMBERS = 20_000
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = b"\xd0\xcf\x11\xe0"


def find_files(
    path: Path, given_source: str = "", leave_out: Path | None = None
) -> Iterator[SourceFile | Finding]:
    """Every readable file under ``path`` (a file, folder or ZIP), in a fixed order; what cannot be opened is a finding.

    ``leave_out`` is a folder that is passed over: the workspace, where it lies among the sources.
    """
    left_out = {_identity(leave_out)} if leave_out is not None and leave_out.is_dir() else set()
    yield from _walk(path, printable(path.name or str(path)), given_source, frozenset(left_out))


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _walk(
    path: Path, name: str, given_source: str, above: frozenset[tuple[int, int]]
) -> Iterator[SourceFile | Finding]:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            here = _identity(path)
            # The workspace, or a link back to a folder that we are in already.
            if here not in above:
                for child in sorted(path.iterdir()):
                    if not child.name.startswith("."):
                        yield from _walk(
                            child, f"{name}/{printable(child.name)}", given_source, above | {here}
                        )
            return
        if not stat.S_ISREG(mode):
            yield Finding(
                "file.special", "refused", "Not a regular file.", name, remedy="Give files or folders."
            )
            return
        if path.stat().st_size == 0:
            yield _empty(name)
            return
        with path.open("rb") as stream:
            magic = stream.read(4)
        if magic in _ZIP:
            yield from _archive(path, name, given_source)
        elif magic == _OLE:
            yield Finding(
                "file.old-office",
                "refused",
                "An old or password-protected office file is not opened.",
                name,
                remedy="Save it as XLSX without a password, or as CSV.",
            )
        else:
            yield SourceFile(path, name, "", given_source)
    except OSError as error:
        yield Finding(
            "file.unreadable",
            "refused",
            "The file or folder cannot be opened.",
            name,
            why=os.strerror(error.errno) if error.errno else type(error).__name__,
            remedy="Check that it exists and that you may read it.",
        )


def _archive(path: Path, name: str, given_source: str) -> Iterator[SourceFile | Finding]:
    """A workbook as one file, the members of any other archive one by one."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except ARCHIVE_FAULTS as error:
        yield _damaged(path, name, error)
        return
    names = {member.filename for member in members}
    if "xl/workbook.xml" in names:
        yield SourceFile(path, name, "", given_source)
    elif names & {"word/document.xml", "ppt/presentation.xml", "META-INF/manifest.xml", "xl/workbook.bin"}:
        yield Finding(
            "file.office-document",
            "refused",
            "An office document of this kind is not read.",
            name,
            remedy="Save tables as XLSX or CSV.",
        )
    elif problem := _refusal(path, members):
        yield Finding(problem.code, "refused", problem.what, name, None, problem.why, problem.remedy)
    else:
        yield from _members(path, name, members, given_source)


def _damaged(path: Path, name: str, error: Exception) -> Finding:
    with path.open("rb") as stream:
        head = stream.read(4096)
    if any(part in head for part in (b"[Content_Types].xml", b"xl/", b"docProps/", b"_rels/.rels")):
        return Finding(
            "xlsx.damaged",
            "refused",
            "The workbook is damaged or cut off.",
            name,
            why=f"It cannot be unpacked ({type(error).__name__}).",
            remedy="Save or copy it again, or export CSV.",
        )
    return Finding(
        "zip.damaged",
        "refused",
        "The archive is damaged or cut off.",
        name,
        why=f"It cannot be unpacked ({type(error).__name__}).",
        remedy="Copy or download it again.",
    )


def _refusal(path: Path, members: list[zipfile.ZipInfo]) -> Finding | None:
    """Why no member of an archive is read, or None."""
    if not members:
        return refused("zip.empty", "The archive is empty.", remedy="Export it again.")
    if len(members) > MAX_MEMBERS:
        return refused(
            "zip.too-many", f"The archive holds over {MAX_MEMBERS} files.", remedy="Split it, or unpack it."
        )
    # Many members may each stay below the bound of one file (they may even share their bytes).
    whole = sum(member.file_size for member in members)
    if whole > 10 * BOMB_BYTES and whole > BOMB_RATIO * path.stat().st_size:
        return refused(
            "file.bomb",
            "The archive unpacks to far more than an export would.",
            why=f"Over {BOMB_RATIO} times its size and over {10 * BOMB_BYTES // 2**20} MB.",
            remedy="If it is genuine, unpack it yourself and give the folder.",
        )
    return None


def _members(
    path: Path, name: str, members: list[zipfile.ZipInfo], given_source: str
) -> Iterator[SourceFile | Finding]:
    last = {member.filename: member for member in members}
    for member in sorted(members, key=lambda m: m.filename):
        shown = f"{name}/{printable(member.filename)}"
        if member.is_dir() or member.filename.rsplit("/", 1)[-1].startswith("."):
            continue
        if last[member.filename] is not member:
            yield Finding(
                "zip.duplicate-name",
                "refused",
                "The archive holds two files of one name; only the last is read.",
                shown,
                remedy="Unpack it, give the files names of their own, and give the folder.",
            )
        elif member.file_size == 0:
            yield _empty(shown)
        elif member.filename.lower().endswith((".zip", ".tar", ".tgz")):
            yield nested(shown)
        else:
            yield SourceFile(path, shown, member.filename, given_source)


def nested(name: str) -> Finding:
    """The finding for an archive inside an archive."""
    return Finding(
        "zip.nested",
        "refused",
        "An archive inside an archive is not opened.",
        name,
        remedy="Unpack it and give the folder.",
    )


def _empty(name: str) -> Finding:
    return Finding("file.empty", "refused", "The file is empty.", name, remedy="Export it again.")
