"""What `pip install .` installs: everything that the package reads, built without isolation and without a network."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
# For people who look at the source; nothing reads them.
PAPERS = {"README.md"}


def test_the_wheel_holds_every_data_file_of_the_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    shutil.copytree(ROOT / "src", source / "src", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source / name)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(source)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("carewheel-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name.removeprefix("carewheel/") for name in archive.namelist()}
    package = ROOT / "src" / "carewheel"
    files = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name not in PAPERS
    }
    assert files - packed == set()
    assert any(name.endswith("licenses/LICENSE") for name in packed)
