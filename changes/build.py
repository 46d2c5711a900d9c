"""Builds CHANGELOG.md from the news fragments beside this file.

    python changes/build.py                          puts the fragments into the section "Unreleased"
    python changes/build.py --release 0.1.0 2026-12-01   makes that section the release, and removes the fragments

A fragment is a file ``NNNN.kind.md`` (0001.added.md …) with one entry in plain words.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

KINDS = ("added", "changed", "fixed", "removed", "security")
NAME = re.compile(rf"\d{{4}}\.({'|'.join(KINDS)})\.md")
HEAD = """# Changes

Built from `changes/` by `python changes/build.py`; see [CONTRIBUTING](CONTRIBUTING.md).
"""


def fragments(folder: Path) -> list[Path]:
    """The fragments of a folder in their order. Raises `ValueError` for a file whose name is none of a fragment."""
    found = sorted(folder.glob("*.md"))
    for path in found:
        if not NAME.fullmatch(path.name):
            raise ValueError(f"{path.name}: name it NNNN.kind.md with one of {', '.join(KINDS)}")
    return found


def section(title: str, found: list[Path]) -> str:
    """One section of the log: the entries by kind; "" without any."""
    lines = []
    for kind in KINDS:
        entries = [" ".join(path.read_text("utf-8").split()) for path in found if f".{kind}." in path.name]
        if entries:
            lines += [f"### {kind.capitalize()}", "", *(f"- {entry}" for entry in entries), ""]
    return "\n".join([f"## {title}", "", *lines]) if lines else ""


def built(log: str, folder: Path, title: str = "Unreleased") -> str:
    """The whole log: head, the fragments under ``title``, and the released sections that ``log`` has already."""
    released = re.split(r"^(?=## )", log, flags=re.MULTILINE)[1:]
    kept = [part for part in released if not part.startswith("## Unreleased")]
    return "\n".join(filter(None, [HEAD, section(title, fragments(folder)), *kept]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--release", nargs=2, metavar=("VERSION", "DATE"))
    given = parser.parse_args().release
    folder = Path(__file__).parent
    target = folder.parent / "CHANGELOG.md"
    log = target.read_text("utf-8") if target.exists() else ""
    target.write_text(built(log, folder, " – ".join(given) if given else "Unreleased"), "utf-8")
    for path in fragments(folder) if given else []:
        path.unlink()


if __name__ == "__main__":
    main()
