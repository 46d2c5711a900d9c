"""The papers at the root and all pages: links resolve, commands exist, nothing names a machine or a registry."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
# Folders of a machine's own, and hosts from which packages come. A URL of a repository as a source of data is none of them.
FORBIDDEN = re.compile(
    r"(?<![\w./-])/(?:home|Users|root|work|opt|mnt)/[\w.-]+|pypi\.org|pythonhosted\.org|registry\.npmjs|"
    r"npmjs\.com|--(?:extra-)?index-url|find-links|\b(?:10|127|192\.168)\.\d+\.\d+\.\d+:\d+"
)


def tracked() -> list[Path]:
    """The files that git has, or will have: tracked ones and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("NOT TESTED HERE: this is no git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def pages() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]


def anchors(path: Path) -> set[str]:
    """The anchors that a page's headings get."""
    heads = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_relative_link_leads_somewhere() -> None:
    broken = []
    seen = 0
    for path in pages():
        text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
        for target in LINK.findall(text):
            if re.match(r"[a-z]+:", target):
                continue
            seen += 1
            name, _, anchor = target.partition("#")
            file = path.parent / name if name else path
            if not file.exists() or (anchor and anchor not in anchors(file)):
                broken.append(f"{path.relative_to(ROOT)} → {target}")
    assert seen > 40
    assert broken == []


def test_every_page_of_the_docs_can_be_reached_from_the_readme() -> None:
    reached, wanted = set(), {ROOT / "README.md"}
    while wanted:
        path = wanted.pop()
        reached.add(path)
        for target in LINK.findall(path.read_text("utf-8")):
            file = (path.parent / target.partition("#")[0]).resolve()
            found = [file] if file.suffix == ".md" else sorted(file.glob("*.md")) if file.is_dir() else []
            wanted |= {page for page in found if page.is_file()} - reached
    docs = set((ROOT / "docs").rglob("*.md"))
    assert docs - reached == set()


def test_the_make_commands_of_the_papers_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md", "docs/tutorial/first-turn.md"):
        text = (ROOT / name).read_text("utf-8")
        named = set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE))
        assert named, name
        assert named <= targets, name


def test_the_two_commands_stand_at_the_top_of_the_readme() -> None:
    first = (ROOT / "README.md").read_text("utf-8").partition("\n![")[0]
    assert "make turn" in first
    assert "make test" in first
    assert "python3-venv" in first


def test_the_picture_is_small_enough_to_load_on_a_phone() -> None:
    assert (ROOT / "docs" / "pictures" / "wheel.png").stat().st_size <= 150_000


def test_no_file_names_a_folder_of_a_machine_or_a_package_registry() -> None:
    found = []
    for path in tracked():
        if path == Path(__file__):
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {hit}" for hit in FORBIDDEN.findall(text)]
    assert found == []


def test_the_locks_pin_every_package_by_hash_and_name_no_host() -> None:
    for name in ("core", "dev"):
        text = (ROOT / "locks" / f"{name}.lock").read_text("utf-8")
        assert "://" not in text
        assert "setuptools==" in text
        requirements = re.split(r"\n(?=\S)", text.strip())
        assert len(requirements) > 10
        for requirement in requirements:
            assert re.match(r"[\w.-]+(\[[\w,-]+\])?==", requirement), requirement[:60]
            assert "--hash=sha256:" in requirement, requirement[:60]


def test_the_licence_of_the_font_lies_beside_it_and_every_third_party_is_noted() -> None:
    licence = (ROOT / "src/carewheel/wheel/report/shared/OFL.txt").read_text("utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    notice = (ROOT / "NOTICE").read_text("utf-8")
    for name in ("Inter", "CC0", "pyx12", "Synthea", "stupidedi", "LinuxForHealth", "FHIR-Converter"):
        assert name in notice
    files = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["license-files"]
    assert set(files) >= {"LICENSE", "NOTICE"}
    assert all((ROOT / name).is_file() for name in files)


def test_decisions_are_numbered_without_gaps_and_say_what_was_measured() -> None:
    found = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in found] == list(range(1, len(found) + 1))
    for path in found:
        text = path.read_text("utf-8")
        assert text.startswith(f"# {path.name[:4]} "), path.name
        for part in ("Context", "Decision", "Consequences", "Measured"):
            assert f"**{part}.**" in text, f"{path.name}: {part}"


def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("changes_build", ROOT / "changes" / "build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_changelog_is_built_from_the_fragments() -> None:
    log = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert log == build().built(log, ROOT / "changes"), "run: python changes/build.py"


def test_a_release_takes_the_fragments_and_keeps_older_releases(tmp_path: Path) -> None:
    (tmp_path / "0002.fixed.md").write_text("Mended\nthe wait.\n", "utf-8")
    (tmp_path / "0001.added.md").write_text("Reads tea leaves.\n", "utf-8")
    old = "# Changes\n\n## Unreleased\n\n### Added\n\n- draft\n\n## 0.1.0 – 2026-01-01\n\n### Added\n\n- First.\n"
    log = build().built(old, tmp_path, "0.2.0 – 2026-02-01")
    assert log.partition("## 0.2.0")[2] == (
        " – 2026-02-01\n\n### Added\n\n- Reads tea leaves.\n\n### Fixed\n\n- Mended the wait.\n\n"
        "## 0.1.0 – 2026-01-01\n\n### Added\n\n- First.\n"
    )
    assert "Unreleased" not in log


def test_a_fragment_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0001.novelty.md").write_text("x", "utf-8")
    with pytest.raises(ValueError, match=r"0001\.novelty\.md"):
        build().fragments(tmp_path)
