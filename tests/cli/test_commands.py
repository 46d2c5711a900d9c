"""The command line as a shell sees it: help, exit codes, one clear line instead of a traceback, pipes and interruptions."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.forked import carewheel

RUN = [sys.executable, "-c", "from carewheel.cli import main; main()"]
COMMANDS = ["", "turn", "measures", "measures list", "measures show", "measures value", "sources", "sources list",
            "sources remove", "map", "template"]  # fmt: skip


def answers(rows: int = 400) -> str:
    lines = ["response_id,answered_at,question,score,scale_min,scale_max,location_id"]
    lines += [f"{i},2025-{i % 12 + 1:02d}-{i % 28 + 1:02d},nps,{i % 11},0,10,L{i % 2}" for i in range(rows)]
    return "\n".join(lines) + "\n"


class Shell:
    """Runs `carewheel` in a folder with one survey table, surveys.csv."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "surveys.csv").write_text(answers())

    def __call__(self, words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        done = carewheel(words.split(), self.folder, environment)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def refuses(self, words: str, saying: str) -> None:
        done = self(words)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert saying in done.stderr.strip().splitlines()[-1], done.stderr


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell in a folder where one turn was made."""
    shell = Shell(tmp_path_factory.mktemp("cli"))
    assert shell("turn surveys.csv").returncode == 0
    return shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(turned: Shell, command: str) -> None:
    done = turned(f"{command} --help")
    assert done.returncode == 0
    assert "Usage: carewheel" in done.stdout
    assert done.stderr == ""


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom carewheel.cli import main\nsys.argv = ['carewheel', '--help']\ntry: main()\nexcept SystemExit: pass\n"
        "heavy = {'duckdb', 'numpy', 'scipy', 'sqlglot', 'jinja2', 'openpyxl', 'orjson'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("words", "saying"),
    [
        ("nonsense", "No such command"),
        ("turn --workspace empty", "at least one SOURCE"),
        ("turn missing", "There is no file or folder missing"),
        ("turn surveys.csv --zone Nowhere/Land", "is not known"),
        ("turn surveys.csv --currency dollars", "three capital letters"),
        ("turn surveys.csv --as-of tomorrow", "does not match"),
        ("turn surveys.csv --engine x", "spark://"),
        ("turn surveys.csv --mapping nope.toml", "does not exist"),
        ("turn --source surveys.csv", "NAME=PATH"),
        ("turn surveys.csv --workspace surveys.csv", "is a file"),
        ("turn surveys.csv --workspace /proc/none/here", "cannot be written"),
        ("measures show nps", "there is no measure"),
        ("measures value experience.nps --by moon", "use location"),
        ("sources remove nope --yes", "no source 'nope'"),
        ("template nope", "is none of"),
        ("map nope.csv", "does not exist"),
    ],
)
def test_wrong_usage_is_one_clear_line_and_exit_2(turned: Shell, words: str, saying: str) -> None:
    turned.refuses(words, saying)


def test_without_a_source_the_wheel_turns_on_what_the_workspace_holds(turned: Shell) -> None:
    before = json.loads(turned("turn surveys.csv --json").stdout)
    assert json.loads(turned("turn --json").stdout)["measures"] == before["measures"]


@pytest.mark.parametrize(
    ("manifest", "saying"),
    [("{", "cannot be read"), ("[]", "cannot be read"), ('{"version": 1}', "cannot be read"), ('{"version": 99}', "version 99")],
)  # fmt: skip
def test_a_damaged_or_newer_workspace_is_refused_and_left_alone(
    shell: Shell, manifest: str, saying: str
) -> None:
    space = shell.folder / "carewheel-workspace"
    space.mkdir()
    (space / "manifest.json").write_text(manifest)
    shell.refuses("turn surveys.csv", saying)
    shell.refuses("sources list", saying)
    assert (space / "manifest.json").read_text() == manifest


def test_a_workspace_in_use_is_refused(shell: Shell) -> None:
    import fcntl

    space = shell.folder / "carewheel-workspace"
    space.mkdir()
    with (space / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shell.refuses("turn surveys.csv", "Another CareWheel")


@pytest.mark.parametrize(
    ("words", "saying"),
    [("zone = 5", "wrong kind"), ("locations = 5", "wrong kind"), ("source = 5", "wrong kind"), ("x = 1", "unknown keys"),
     ("invented = maybe", "is no TOML"), ('zone = "Nowhere/Land"', "is not known")],
)  # fmt: skip
def test_a_faulty_carewheel_toml_is_refused(shell: Shell, words: str, saying: str) -> None:
    (shell.folder / "carewheel.toml").write_text(words)
    shell.refuses("turn surveys.csv", saying)


def test_exit_codes_tell_measured_nothing_and_refused(shell: Shell) -> None:
    (shell.folder / "bad.csv").write_text("what,is\nthis,then\n")
    assert shell("turn surveys.csv bad.csv").returncode == 0
    assert shell("turn surveys.csv bad.csv --strict").returncode == 4
    assert shell("turn bad.csv --workspace other").returncode == 3
    assert shell("turn surveys.csv --as-of 1999-01-01").returncode == 3
    assert shell("turn surveys.csv --as-of 2025-06-30").returncode == 0


def test_invented_and_real_are_never_mixed(shell: Shell) -> None:
    assert shell("turn surveys.csv").returncode == 0
    made_up = shell.folder / "made-up"
    made_up.mkdir()
    (made_up / "surveys.csv").write_text(answers())
    (made_up / "carewheel.toml").write_text("invented = true\n")
    shell.refuses("turn made-up", "never mixed")
    shell.refuses("turn surveys.csv made-up --workspace other", "never mixed")


def test_a_source_may_be_given_a_name(shell: Shell) -> None:
    assert shell("turn --source panel=surveys.csv").returncode == 0
    (source,) = json.loads(shell("sources list --json").stdout)
    assert (source["source"], source["rows_used"]) == ("panel", 400)
    assert json.loads(shell("sources remove panel --yes --json").stdout) == {
        "source": "panel",
        "removed": 400,
    }
    assert json.loads(shell("sources list --json").stdout) == []


def test_json_is_json_and_a_pipe_gets_no_colour_and_no_bar(turned: Shell) -> None:
    done = turned("turn surveys.csv --json")
    assert json.loads(done.stdout)["schema_version"]
    assert done.stderr == ""
    assert len(json.loads(turned("measures list --json").stdout)) > 20
    assert json.loads(turned("measures show experience.nps --json").stdout)["id"] == "experience.nps"
    for words in ("turn surveys.csv", "measures show experience.nps"):
        done = turned(words, NO_COLOR="1")
        assert "\x1b" not in done.stdout + done.stderr


def test_the_csv_of_a_measure_by_place_and_month_agrees_with_a_plain_count(turned: Shell) -> None:
    done = turned("measures value experience.nps --by location,month --csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    # Answers i = 0 … 399: place L(i mod 2), month i mod 12 + 1; 12 is even, so each month has one place.
    expected = {(f"L{m % 2}", f"2025-{m + 1:02d}"): sum(i % 12 == m for i in range(400)) for m in range(12)}
    found = {(r["location"], r["month"]): int(r["n"]) for r in rows if int(r["n"])}
    assert {key: n for key, n in expected.items() if key in found} == found
    assert len(found) >= 11


def test_a_template_filled_in_is_read_and_an_empty_one_is_no_error(shell: Shell) -> None:
    printed = shell("template spend --out -").stdout
    assert shell("template spend").returncode == 0
    assert (shell.folder / "spend.csv").read_text() == printed
    shell.refuses("template spend", "--force")
    assert shell("turn spend.csv").returncode == 3


def test_a_proposed_mapping_reads_the_file_it_was_made_for(shell: Shell) -> None:
    (shell.folder / "bills.csv").write_text(
        "Bill No,Booked On,Kind,Sum USD\n"
        + "".join(f"B{i},2025-03-{i + 1:02d},rent,{i}.50\n" for i in range(20))
    )
    done = shell("map bills.csv --json")
    assert done.returncode in (0, 3)
    found = json.loads(done.stdout)
    if found["written"]:
        shell.refuses("map bills.csv", "--force")
        assert shell("turn bills.csv --mapping bills.csv.toml").returncode in (0, 3)
    os.mkfifo(shell.folder / "pipe")
    shell.refuses("map pipe", "regular file")
    (shell.folder / "cut.xlsx").write_bytes(b"PK\x03\x04xl/workbook.xml")
    assert shell("map cut.xlsx").returncode in (2, 3)


@pytest.mark.parametrize("moment", [0.0, 0.7, 1.2, 1.8])
def test_an_interruption_ends_with_130_and_leaves_nothing_half_loaded(shell: Shell, moment: float) -> None:
    assert shell("turn surveys.csv").returncode == 0
    space = shell.folder / "carewheel-workspace"
    manifest = (space / "manifest.json").read_bytes()
    (shell.folder / "large.csv").write_text(answers(60_000))
    running = subprocess.Popen(
        [*RUN, "turn", "large.csv"], cwd=shell.folder, stderr=subprocess.PIPE, text=True
    )
    began = time.monotonic()
    while not (space / "staging").exists() and time.monotonic() - began < 30:
        time.sleep(0.02)
    # From here on: while rows are read, or while queries run (DuckDB has its own way to be interrupted).
    time.sleep(moment)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[1]
    assert "Traceback" not in said
    if (space / "manifest.json").read_bytes() != manifest:
        return  # It was through before the signal came.
    assert running.returncode == 130, said
    assert "Nothing was half-loaded" in said
    assert not (space / "staging").exists()


@pytest.mark.parametrize(
    ("pyspark", "saying"),
    [
        ("raise ImportError('no such package')", "pip install 'carewheel[spark]'"),
        # What happens at a port where no master answers, without the minute that Java waits for it.
        (
            "class SparkSession:\n class builder:\n  def master(url): return SparkSession.builder\n"
            "  def appName(name): return SparkSession.builder\n  def getOrCreate(): raise OSError('refused')\n",
            "No Spark session on spark://nowhere:7077 (OSError). Check that the master runs",
        ),
    ],
)
def test_a_cluster_that_is_not_there_is_one_clear_line(shell: Shell, pyspark: str, saying: str) -> None:
    package = shell.folder / "lib" / "pyspark"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "sql.py").write_text(pyspark)
    done = shell("turn surveys.csv --engine spark://nowhere:7077", PYTHONPATH=str(package.parent))
    assert done.returncode == 2
    assert saying in done.stderr.strip().splitlines()[-1]


def test_a_full_disk_is_one_clear_line_and_what_was_loaded_stays(shell: Shell) -> None:
    """Files may not grow beyond a limit: the system refuses to write at the same places as on a full disk."""
    assert shell("turn surveys.csv").returncode == 0
    space = shell.folder / "carewheel-workspace"
    manifest = (space / "manifest.json").read_bytes()
    (shell.folder / "large.csv").write_text(answers(60_000))
    for bytes_a_file in (40, 5_000, 400_000):
        limited = (
            f"import resource as r; r.setrlimit(r.RLIMIT_FSIZE, ({bytes_a_file}, {bytes_a_file})); {RUN[2]}"
        )
        done = subprocess.run(
            [sys.executable, "-c", limited, "turn", "large.csv"],
            cwd=shell.folder, check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 2, done.stderr
        assert (
            done.stderr.strip()
            .splitlines()[-1]
            .startswith("carewheel: The disk is full. Nothing was half-loaded.")
        )
        assert "Traceback" not in done.stderr
        assert (space / "manifest.json").read_bytes() == manifest
        assert not (space / "staging").exists()
    assert shell("turn large.csv").returncode == 0


def test_a_reader_that_has_seen_enough_is_no_fault(turned: Shell) -> None:
    seen, pipe = os.pipe()
    os.close(seen)
    try:
        done = subprocess.run(
            [*RUN, "measures", "list"], check=False, stdout=pipe, stderr=subprocess.PIPE, timeout=60
        )
    finally:
        os.close(pipe)
    assert (done.returncode, done.stderr) == (0, b"")
