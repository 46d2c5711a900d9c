"""Backup: the drill gives what there was, and what is corrupt, foreign, newer or in the way is refused before anything is touched."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.db import connection, transaction
from tests.clinic import NOW, small_clinic
from tests.practice.test_imports import export

from carewheel.practice.access import Refused
from carewheel.practice.audit import record, verify
from carewheel.practice.backup import MANIFEST, back_up, check, restore
from carewheel.practice.models import Patient

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    for name, text in (
        ("manifest.json", "{}"),
        ("secret.key", "k" * 32),
        ("loads/1/visit.parquet", "P"),
        ("staging/x", "no"),
        ("spill-1/x", "no"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def there() -> dict[str, Any]:
    return dict(settings.DATABASES["default"])


@pytest.fixture
def elsewhere(there: dict[str, Any], tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Settings of an empty database beside that of the tests."""
    if connection.vendor == "sqlite":
        yield there | {"NAME": str(tmp_path / "other" / "practice.sqlite3")}
        return
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE restored")
    yield there | {"NAME": "restored"}
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE restored")


def rows(at: dict[str, Any]) -> dict[str, str]:
    """A digest of the rows of every table of a database."""
    if at["ENGINE"].endswith("sqlite3"):
        with closing(sqlite3.connect(at["NAME"])) as line:
            names = [r[0] for r in line.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]  # fmt: skip
            return {name: digest(line.execute(f'SELECT * FROM "{name}"').fetchall()) for name in names}
    import psycopg

    with psycopg.connect(host=at["HOST"], user=at["USER"], dbname=at["NAME"]) as line:
        names = [r[0] for r in line.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        return {name: digest(line.execute(f'SELECT * FROM "{name}"').fetchall()) for name in names}  # type: ignore[arg-type]


def digest(found: list[Any]) -> str:
    return hashlib.sha256("\n".join(sorted(map(repr, found))).encode()).hexdigest()


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and "sqlite3" not in p.name
    }


def known(app: str, name: str) -> bool:
    return True


def test_case_76_the_drill_gives_what_there_was(
    workspace: Path, tmp_path: Path, there: dict[str, Any], elsewhere: dict[str, Any]
) -> None:
    clinic = small_clinic()
    with transaction.atomic():
        record(clinic.actor, "something")
    made = back_up(tmp_path / "house.backup", workspace, there, NOW)
    assert (tmp_path / "house.backup").stat().st_mode & 0o777 == 0o600
    assert f"{made.audit_number}:{made.audit_seal}" == f"1:{verify().last_seal}"
    assert check(made.path)["audit"] == [made.audit_number, made.audit_seal]
    before = rows(there)
    other = tmp_path / "other"
    restore(made.path, other, elsewhere, replace=False, known=known)
    assert rows(elsewhere) == before
    assert files(other) == {
        k: v for k, v in files(workspace).items() if not k.startswith(("staging", "spill"))
    }
    assert all(p.stat().st_mode & 0o077 == 0 for p in other.rglob("*") if p.is_file())
    # What is there is not replaced unasked; asked, it is, wholly.
    (other / "manifest.json").write_text("changed")
    (other / "later").write_text("made since")
    with pytest.raises(Refused) as refusal:
        restore(made.path, other, elsewhere, replace=False, known=known)
    assert refusal.value.code == "backup.there"
    assert (other / "manifest.json").read_text() == "changed"
    restore(made.path, other, elsewhere, replace=True, known=known)
    assert (other / "manifest.json").read_text() == "{}"
    assert not (other / "later").exists()
    assert rows(elsewhere) == before
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("other")) == ["other"]


def flipped(path: Path) -> None:
    """One bit of the packed database."""
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("database").header_offset + 60
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def foreign(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello", "x")


def no_zip(path: Path) -> None:
    path.write_text("PK nothing")


def rewritten(change: Callable[[dict[str, Any]], None], add: str = "") -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            held = {name: archive.read(name) for name in archive.namelist()}
        manifest = json.loads(held[MANIFEST])
        change(manifest)
        if add:
            held[add] = b"x"
        held[MANIFEST] = orjson.dumps(manifest)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in held.items():
                archive.writestr(name, content)

    return write


X = {"sha256": hashlib.sha256(b"x").hexdigest(), "bytes": 1}
SPOILERS = {
    "a bit flipped": (flipped, "backup.corrupt"),
    "the end cut off": (cut, "backup.foreign"),
    "another zip": (foreign, "backup.foreign"),
    "no zip": (no_zip, "backup.foreign"),
    "a later format": (rewritten(lambda m: m.update(format=99)), "backup.foreign"),
    "a file missing": (rewritten(lambda m: m["entries"].update({"workspace/gone": X})), "backup.corrupt"),
    "a wrong length": (rewritten(lambda m: m["entries"]["workspace/manifest.json"].update(bytes=1)), "backup.corrupt"),
    "a way out": (rewritten(lambda m: m["entries"].update({"workspace/../../evil": X}), "workspace/../../evil"), "backup.foreign"),
    "an absolute way": (rewritten(lambda m: m["entries"].update({"/tmp/evil": X}), "/tmp/evil"), "backup.foreign"),
    "a migration without a name": (rewritten(lambda m: m["migrations"].append(["practice"])), "backup.foreign"),
    "a migration that is none": (rewritten(lambda m: m["migrations"].append(7)), "backup.foreign"),
    "a length that is none": (rewritten(lambda m: m["entries"]["database"].update(bytes="many")), "backup.foreign"),
    "entries in a row": (rewritten(lambda m: m.update(entries=list(m["entries"]))), "backup.foreign"),
    "a file as folder": (rewritten(lambda m: m["entries"].update({"workspace/manifest.json/x": X}), "workspace/manifest.json/x"), "backup.room"),
    "another engine": (rewritten(lambda m: m.update(engine="oracle")), "backup.engine"),
    "a later migration": (rewritten(lambda m: m["migrations"].append(["practice", "9999_later"])), "backup.newer"),
}  # fmt: skip


def test_case_76_what_is_wrong_is_refused_before_anything_is_touched(
    workspace: Path, tmp_path: Path, there: dict[str, Any], elsewhere: dict[str, Any]
) -> None:
    made = back_up(tmp_path / "house.backup", workspace, there, NOW)
    whole, other = made.path.read_bytes(), tmp_path / "other"
    for what, (spoil, code) in SPOILERS.items():
        made.path.write_bytes(whole)
        spoil(made.path)
        with pytest.raises(Refused) as refusal:
            restore(
                made.path, other, elsewhere, replace=True, known=lambda app, name: not name.startswith("9")
            )
        assert refusal.value.code == code, what
        assert not other.exists(), what
    assert not list(tmp_path.rglob("evil"))
    with pytest.raises(Refused):
        check(tmp_path / "nothing")


def test_it_never_overwrites_nor_backs_up_itself(
    workspace: Path, tmp_path: Path, there: dict[str, Any]
) -> None:
    back_up(tmp_path / "house.backup", workspace, there, NOW)
    for path, code in (
        (tmp_path / "house.backup", "backup.exists"),
        (workspace / "in.backup", "backup.inside"),
    ):
        with pytest.raises(Refused) as refusal:
            back_up(path, workspace, there, NOW)
        assert refusal.value.code == code
    assert sorted(p.name for p in tmp_path.iterdir()) == ["house.backup", "workspace"]


def test_people_write_while_it_is_made(workspace: Path, tmp_path: Path, there: dict[str, Any]) -> None:
    clinic = small_clinic()
    Patient.objects.bulk_create(
        Patient(organisation=clinic.organisation, family_name=f"Example{n}", created_at=NOW)
        for n in range(2_000)
    )
    with connection.cursor():
        back_up(tmp_path / "one.backup", workspace, there, NOW)
        Patient.objects.create(organisation=clinic.organisation, family_name="Later", created_at=NOW)
        back_up(tmp_path / "two.backup", workspace, there, NOW)
    assert (
        check(tmp_path / "one.backup")["entries"]["database"]
        != check(tmp_path / "two.backup")["entries"]["database"]
    )


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the same commands, on the engine of the workspace")
def test_an_operator_imports_backs_up_and_restores(tmp_path: Path) -> None:
    folder = export(tmp_path / "od")
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith(("CAREWHEEL_", "DJANGO_"))}

    def run(*words: str, workspace: str = "one") -> str:
        command = [
            sys.executable,
            "-c",
            "from carewheel.cli import main; main()",
            *words,
            "--workspace",
            str(tmp_path / workspace),
        ]
        done = subprocess.run(
            command, env=surroundings, capture_output=True, text=True, cwd=tmp_path, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    # Facts and no console yet: backed up and brought back like any other.
    assert json.loads(run("backup", "facts.backup", "--json", workspace="facts"))["audit"].startswith("0:")
    assert "holds" in run("restore", "facts.backup", workspace="three")
    filled = json.loads(run("import", str(folder), "--json"))
    assert (filled["visits_made"], filled["patients_made"]) == (5, 3)
    made = json.loads(run("backup", "house.backup", "--json"))
    assert "holds" in run("restore", "house.backup", workspace="two")
    assert "holds: 1 rows" in run("audit", "verify", "--anchor", made["audit"], workspace="two")
