"""Files: a backup that somebody else made writes nowhere else, and nobody else on the machine reads what a console keeps."""

from __future__ import annotations

import copy
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.conf import settings

from carewheel.practice import backup
from carewheel.practice.access import Refused
from carewheel.practice.backup import DATABASE, MANIFEST, restore


def forged(path: Path, name: str, **changes: Any) -> Path:
    """A backup that is whole by its own account, with one more file."""
    engine = "postgresql" if settings.DATABASES["default"]["ENGINE"].endswith("postgresql") else "sqlite"
    entry = {"sha256": hashlib.sha256(b"evil").hexdigest(), "bytes": 4}
    manifest = {"format": 1, "made_by": "x", "made_at": "x", "engine": engine, "migrations": [], "audit": [0, ""],
                "entries": {name: entry, DATABASE: entry}} | changes  # fmt: skip
    with zipfile.ZipFile(path, "w") as archive:
        for one in (name, DATABASE):
            archive.writestr(one, b"evil")
        archive.writestr(MANIFEST, orjson.dumps(manifest))
    return path


@pytest.mark.parametrize(
    "name", ["workspace/{}/evil", "workspace//{}/evil", "workspace/./x", "workspace/a//b", "workspace/practice.sqlite3", "workspace/x/"]
)  # fmt: skip
def test_case_24_a_backup_names_no_place_outside(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    archive = forged(tmp_path / "evil.backup", name.format(outside))
    with pytest.raises(Refused) as refusal:
        restore(archive, tmp_path / "workspace", dict(settings.DATABASES["default"]), replace=True, known=lambda app, one: True)  # fmt: skip
    assert refusal.value.code == "backup.foreign"
    assert not list(outside.iterdir())


def restored(archive: Path, workspace: Path) -> str:
    """The code of the refusal."""
    with pytest.raises(Refused) as refusal:
        restore(archive, workspace, dict(settings.DATABASES["default"]), replace=True, known=lambda app, one: True)  # fmt: skip
    assert not workspace.exists()
    assert [p.name for p in workspace.parent.iterdir() if "restoring" in p.name] == []
    return refusal.value.code


def test_case_22_a_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tmp_path / "workspace"
    # 200 MB of zeros in 200 kB, and more than is free.
    zeros = bytes(200 << 20)
    entry = {"sha256": hashlib.sha256(zeros).hexdigest(), "bytes": len(zeros)}
    archive = forged(tmp_path / "big.backup", "workspace/x", entries={"workspace/x": entry, DATABASE: entry})
    with zipfile.ZipFile(archive, "r") as held:
        manifest = held.read(MANIFEST)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for name in ("workspace/x", DATABASE):
            made.writestr(name, zeros)
        made.writestr(MANIFEST, manifest)
    assert archive.stat().st_size < 500_000
    little = shutil._ntuple_diskusage(10**9, 10**9 - 10**8, 10**8)  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setattr(backup.shutil, "disk_usage", lambda folder: little)
        patch.setattr(backup, "_unpacked", lambda *words: pytest.fail("nothing is unpacked"))
        assert restored(archive, workspace) == "backup.room"
    # Longer than it says of itself, in the archive's own list or beyond it.
    small = forged(tmp_path / "lying.backup", "workspace/x", entries={"workspace/x": entry | {"bytes": 4}, DATABASE: entry})  # fmt: skip
    assert restored(small, workspace) == "backup.corrupt"
    # Parts over one another: one stream, listed a hundred times.
    overlapping = tmp_path / "overlapping.backup"
    names = [DATABASE, *(f"workspace/{n}" for n in range(100))]
    forged(overlapping, "workspace/x", entries=dict.fromkeys(names, entry))
    with zipfile.ZipFile(overlapping) as held:
        manifest = held.read(MANIFEST)
    with zipfile.ZipFile(overlapping, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(DATABASE, zeros)
        made.writestr(MANIFEST, manifest)
        (one,) = (part for part in made.filelist if part.filename == DATABASE)
        for name in names[1:]:
            twin = copy.copy(one)
            twin.filename = name
            made.filelist.append(twin)
    assert restored(overlapping, workspace) == "backup.foreign"
    # A list of itself without end.
    with zipfile.ZipFile(tmp_path / "endless.backup", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(MANIFEST, bytes((1 << 26) + 1))
    assert restored(tmp_path / "endless.backup", workspace) == "backup.foreign"
    # Packed in a way of its own, or locked: nothing is guessed.
    with zipfile.ZipFile(tmp_path / "other.backup", "w", zipfile.ZIP_LZMA) as made:
        made.writestr(DATABASE, b"evil")
        made.writestr(MANIFEST, manifest)
    assert restored(tmp_path / "other.backup", workspace) == "backup.foreign"


def test_nobody_else_on_the_machine_reads_what_the_console_keeps(tmp_path: Path) -> None:
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith(("CAREWHEEL_", "DJANGO_", "DATABASE_"))}  # fmt: skip
    words = [sys.executable, "-c", "import os; os.umask(0o022); from carewheel.cli import main; main()", "worker", "--once", "--workspace", str(tmp_path / "new")]  # fmt: skip
    made = "from pathlib import Path; from carewheel.cli.console import upgrade_database; upgrade_database(Path('new'))"
    for line in ([sys.executable, "-c", "import os; os.umask(0o022); " + made], words):
        done = subprocess.run(line, env=surroundings, cwd=tmp_path, capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "new" / "practice.sqlite3").exists()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
