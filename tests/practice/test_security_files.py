"""Files: a backup that somebody else made writes nowhere else, and nobody else on the machine reads what a console keeps."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.conf import settings

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


def test_nobody_else_on_the_machine_reads_what_the_console_keeps(tmp_path: Path) -> None:
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith(("CAREWHEEL_", "DJANGO_", "DATABASE_"))}  # fmt: skip
    words = [sys.executable, "-c", "import os; os.umask(0o022); from carewheel.cli import main; main()", "worker", "--once", "--workspace", str(tmp_path / "new")]  # fmt: skip
    made = "from pathlib import Path; from carewheel.cli.console import upgrade_database; upgrade_database(Path('new'))"
    for line in ([sys.executable, "-c", "import os; os.umask(0o022); " + made], words):
        done = subprocess.run(line, env=surroundings, cwd=tmp_path, capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "new" / "practice.sqlite3").exists()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
