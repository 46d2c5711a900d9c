"""Where the purchases of a practice are kept: for each its file and, beside it, what was weighed last; in the workspace's folder ``purchases``.

A file is replaced by an atomic rename under the workspace's lock, like plans. What was weighed belongs to the text that was weighed: of another
text it is not the weighing.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from carewheel.warehouse.workspace import Workspace, WorkspaceRefused, write_whole
from carewheel.wheel.investments.refusals import PurchaseRefused

SCHEMA_VERSION = 1
# More than anybody weighs; each is read for the list.
MOST = 300
# The console has a page of this name.
TAKEN = ("new",)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")


def mark_of(text: str) -> str:
    """Tells one text of a purchase from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Purchases:
    """The purchases of a workspace, by name."""

    workspace: Workspace

    @property
    def folder(self) -> Path:
        return self.workspace.root / "purchases"

    def names(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.toml") if _NAME.fullmatch(path.stem))

    def has(self, name: str) -> bool:
        """Whether there is a file of that name, though perhaps none that can be read."""
        return bool(_NAME.fullmatch(name)) and (self.folder / f"{name}.toml").exists()

    def text(self, name: str) -> str:
        """The file of one. Raises `PurchaseRefused`: ``purchase.missing``, ``purchase.file``."""
        if not _NAME.fullmatch(name):
            raise _missing(name)
        try:
            return (self.folder / f"{name}.toml").read_bytes().decode()
        except FileNotFoundError as error:
            raise _missing(name) from error
        except (OSError, UnicodeDecodeError) as error:
            raise PurchaseRefused("purchase.file", f"The file {name}.toml cannot be read as text.", "Restore it from a backup, or remove it.") from error  # fmt: skip

    def put(self, text: str, title: str, name: str = "", of: str = "") -> str:
        """Keep ``text``: as ``name``, which must be there already, or under a new name after its title; returns the name.

        ``of``: the mark of the text that was changed. Raises `PurchaseRefused` (``purchase.missing``; ``purchase.changed`` where that is
        not its text any more; ``purchase.many`` where there are `MOST`), `WorkspaceRefused` (``workspace.busy`` while another process writes, ``workspace.unwritable``).
        """
        with self._writing():
            if name:
                if mark_of(self.text(name)) != of and of:
                    raise PurchaseRefused("purchase.changed", "Somebody changed it since you opened it.", "Nothing is kept. Open it anew beside this page, and put in what you changed.")  # fmt: skip
            elif len(self.names()) >= MOST:
                raise PurchaseRefused("purchase.many", f"There are {MOST} purchases already.", "Remove those that are settled, then keep this one.")  # fmt: skip
            else:
                name = wanted = _after(title)
                number = 1
                while name in TAKEN or (self.folder / f"{name}.toml").exists():
                    number += 1
                    name = f"{wanted}-{number}"
            self._write(f"{name}.toml", text.encode())
        return name

    def remove(self, name: str) -> None:
        """Its file and what was weighed of it. Raises as `put` does."""
        with self._writing():
            if not self.has(name):
                raise _missing(name)
            for ending in ("toml", "json"):
                (self.folder / f"{name}.{ending}").unlink(missing_ok=True)

    def weighing(self, name: str) -> dict[str, Any] | None:
        """What was weighed last of the text as it is now; None where nothing was, or it cannot be read: then it is weighed again."""
        try:
            found = orjson.loads((self.folder / f"{name}.json").read_bytes())
            if found["schema_version"] == SCHEMA_VERSION and found["of"] == mark_of(self.text(name)):
                return dict(found)
        except (OSError, orjson.JSONDecodeError, TypeError, KeyError):
            pass
        return None

    def keep_weighing(self, name: str, text: str, found: Mapping[str, Any]) -> bool:
        """Keep what was weighed of ``text``; False where that is not its text any more, and nothing is kept then."""
        with self._writing():
            try:
                now = self.text(name)
            except PurchaseRefused:
                return False
            if now != text:
                return False
            self._write(f"{name}.json", orjson.dumps({"schema_version": SCHEMA_VERSION, "of": mark_of(text), **found}))  # fmt: skip
        return True

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self.workspace.writing():
                yield
        except OSError as error:
            raise WorkspaceRefused("workspace.unwritable", f"The workspace cannot be written ({error.strerror}).", "Free space on its disk, or correct who may write there.") from error  # fmt: skip

    def _write(self, file: str, content: bytes) -> None:
        self.folder.mkdir(exist_ok=True)
        write_whole(self.folder / file, content)


def _after(title: str) -> str:
    """A name of letters that every file system and address takes.

    >>> _after("Röntgen: 3-D, Raum 2"), _after("…")
    ('rontgen-3-d-raum-2', 'purchase')
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "purchase"


def _missing(name: str) -> PurchaseRefused:
    return PurchaseRefused("purchase.missing", f"There is no purchase {name!r}.", "Look at the list of purchases.")  # fmt: skip
