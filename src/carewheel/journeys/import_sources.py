"""Read whatever a practice gives into facts: find the files, recognise each, read source by source, commit once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from carewheel.interop.files import Finding, ReadSettings, Sink, SourceFile, find_files, printable
from carewheel.interop.readers import Recognised, group, recognise
from carewheel.warehouse.load import SourceReport, importing
from carewheel.warehouse.spool import SourceSetting
from carewheel.warehouse.workspace import Workspace

BESIDE = "carewheel.toml"
BESIDE_KEYS: dict[str, type] = {
    "source": str,
    "zone": str,
    "currency": str,
    "invented": bool,
    "locations": dict,
    "people_of": str,
}
BESIDE_WORDS = {str: "a text in quotes", bool: "true or false", dict: "a table of texts"}
# Kinds of source that keep the practice's own list of people; tables by mapping refer to theirs.
SYSTEMS = ("opendental", "openemr", "fhir")


class SourceRefused(Exception):
    """What was given cannot be a source: ``code``, what and remedy."""

    def __init__(self, code: str, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.code = code


@dataclass(frozen=True, slots=True)
class GivenSource:
    """A SOURCE argument: where it is, as written, and the name given to it (``NAME=PATH``), if any."""

    path: Path
    name: str = ""


@dataclass
class Progress:
    """How far an import is, for whoever shows it."""

    total_bytes: int = 0
    show: Callable[[str, int, int], None] = lambda name, done, total: None
    done: dict[str, int] = field(default_factory=dict)

    def __call__(self, name: str, bytes_read: int) -> None:
        self.done[name] = bytes_read
        self.show(name, sum(self.done.values()), self.total_bytes)


def import_sources(
    workspace: Workspace,
    given: Sequence[GivenSource],
    settings: ReadSettings,
    progress: Progress | None = None,
) -> list[SourceReport]:
    """Read the sources into the workspace's facts, all or nothing; a report a source, findings included.

    A folder may carry a ``carewheel.toml`` beside its files: source, zone, currency, invented, and ``[locations]``
    (the source's own location ids to the ids used across sources), people_of. It holds for that folder and below.
    Ids of people in mapped tables are those of the one practice system in the workspace, if there is exactly one, or of
    the system that people_of names.
    Raises `SourceRefused` for a path that does not exist or a faulty ``carewheel.toml``, `WorkspaceRefused` where the
    workspace cannot be written.
    """
    found = gather(given, settings, workspace)
    progress = progress or Progress()
    progress.total_bytes = found.total_bytes
    with importing(workspace, invented=found.invented, on_progress=progress) as run:
        for source in found.sources:
            source.read(run.sink(printable(source.container), source.kind, source.setting), settings)
        # The name "" says that reading is over and the facts are being written.
        progress.show("", progress.total_bytes, progress.total_bytes)
        reports = run.commit()
    return reports + [_stranger(path, findings) for path, findings in found.strangers.items()]


@dataclass(frozen=True)
class FoundSource:
    """Files that are read together, and what holds for every row of them."""

    kind: str
    container: str
    setting: SourceSetting
    items: Sequence[Recognised]

    def read(self, sink: Sink, settings: ReadSettings) -> None:
        """Let the reader of these files tell ``sink`` what stands in them."""
        self.items[0].reader.read(
            [(item.file, item.part) for item in self.items],
            sink,
            replace(settings, zone=self.setting.zone, currency=self.setting.currency),
        )


@dataclass(frozen=True)
class FoundSources:
    """What was given, sorted by who can read it; ``strangers``: findings about files that nobody can, by the path given."""

    sources: Sequence[FoundSource]
    strangers: Mapping[str, list[Finding]]
    invented: bool
    total_bytes: int


def gather(given: Sequence[GivenSource], settings: ReadSettings, workspace: Workspace) -> FoundSources:
    """Find the files, recognise each, and group them by source. Raises as `import_sources` does."""
    recognised: list[Recognised] = []
    strangers: dict[str, list[Finding]] = {}
    for source in given:
        if not source.path.exists():
            raise SourceRefused(
                "source.missing", f"There is no file or folder {source.path}.", "Check the path."
            )
        for found in find_files(source.path, source.name, leave_out=workspace.root):
            outcome = found if isinstance(found, Finding) else recognise(found, settings)
            if isinstance(outcome, Recognised):
                recognised.append(outcome)
            elif outcome is not None:
                strangers.setdefault(printable(str(source.path)), []).append(outcome)
    beside = {item.file.path: _beside(item.file, given) for item in recognised}
    invented = {bool(words.get("invented", False)) for words in beside.values()}
    if len(invented) > 1:
        raise SourceRefused(
            "source.mixed",
            "Some of these sources are invented and some are not.",
            "Turn them in workspaces of their own: invented and real data are never mixed.",
        )
    groups = group(recognised)
    known = {r["source"] for r in workspace.manifest()["sources"].values() if r["kind"] in SYSTEMS}
    known |= {name for kind, name, _ in groups if kind in SYSTEMS}
    system = known.pop() if len(known) == 1 else ""
    sources = []
    for (kind, name, container), items in groups.items():
        words = beside[items[0].file.path]
        setting = SourceSetting(
            source=name if items[0].file.given_source else words.get("source") or name,
            source_kind=items[0].reader.PRECEDENCE,
            zone=words.get("zone") or settings.zone,
            currency=words.get("currency") or settings.currency,
            locations=words.get("locations", {}),
            people_of=words.get("people_of", "") or (system if kind == "mapped" else ""),
        )
        sources.append(FoundSource(kind, container, setting, items))
    return FoundSources(sources, strangers, invented == {True}, sum(item.file.size for item in recognised))


def _stranger(path: str, findings: list[Finding]) -> SourceReport:
    report = SourceReport(path, "", "not recognised", "", False, files=len(findings))
    report.findings = [asdict(finding) for finding in findings[:100]]
    return report


def _beside(file: SourceFile, given: Sequence[GivenSource]) -> dict[str, Any]:
    """The words of the nearest ``carewheel.toml``, from the file's folder up to the folder that was given."""
    roots = {source.path if source.path.is_dir() else source.path.parent for source in given}
    for folder in file.path.parents:
        path = folder / BESIDE
        if path.is_file():
            return _read_beside(path)
        if folder in roots:
            break
    return {}


def _read_beside(path: Path) -> dict[str, Any]:
    try:
        words = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourceRefused(
            "source.beside", f"{path.name} is no TOML: {error}.", "Mend or remove it."
        ) from error
    unknown = set(words) - set(BESIDE_KEYS)
    if unknown:
        raise SourceRefused(
            "source.beside",
            f"{path.name} has the unknown keys {sorted(unknown)}.",
            f"Known: {sorted(BESIDE_KEYS)}.",
        )
    for key, kind in BESIDE_KEYS.items():
        value: Any = words.get(key, kind())
        fits = isinstance(value, kind)
        if fits and kind is dict:
            fits = all(isinstance(one, str) for one in value.values())
        if not fits:
            raise SourceRefused(
                "source.beside",
                f"In {path.name} the value of {key} is of the wrong kind.",
                f"Write {BESIDE_WORDS[kind]}.",
            )
    check_zone(words.get("zone", ""))
    return words


def check_zone(zone: str) -> None:
    """Refuse a zone that nobody knows."""
    try:
        if zone:
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SourceRefused(
            "source.zone", f"The zone {zone!r} is not known.", "Use a name such as America/New_York."
        ) from error
