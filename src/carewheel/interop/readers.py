"""All readers, and which of them a file is for: by its content, never by its name or folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from carewheel.interop import fhir, hl7v2, x12
from carewheel.interop.files import Finding, Reader, ReadSettings, SourceFile
from carewheel.interop.files.findings import FileRefused
from carewheel.interop.files.walking import nested
from carewheel.interop.tabular import mapped, opendental, openemr

# Formats with a signature first; a practice system's tables before any mapping.
READERS: tuple[Reader, ...] = (x12, hl7v2, fhir, opendental, openemr, mapped)

# Papers that lie beside data. They are no data of a practice, so nobody misses them.
PAPERS = ("readme", "license", "notice", "carewheel.toml", "inventory")


@dataclass(frozen=True, slots=True)
class Recognised:
    """A file and the reader for it; ``part`` is which table or type the file holds, ``source`` the originating system."""

    file: SourceFile
    reader: Reader
    part: str
    source: str


def recognise(file: SourceFile, settings: ReadSettings) -> Recognised | Finding | None:
    """The reader for a file; a finding where nobody can read it; None for papers beside the data."""
    if file.name.rsplit("/", 1)[-1].lower().startswith(PAPERS):
        return None
    try:
        sample = file.sample()
        for reader in READERS:
            if part := reader.recognise(sample, settings):
                source = file.given_source or reader.source_name(file, part, settings)
                return Recognised(file, reader, part, source)
        if sample.is_archive and not sample.is_xlsx:
            return nested(file.name)
    except FileRefused as refusal:
        return _placed(refusal.finding, file)
    return Finding(
        "file.not-recognised",
        "refused",
        "No reader knows this file's content.",
        file.name,
        why="It is neither X12, HL7 v2, FHIR, a known system's table, nor a table with a mapping.",
        remedy="For a CSV or XLSX: run `carewheel map FILE`, look at the mapping, and give it with --mapping.",
    )


def group(files: Sequence[Recognised]) -> dict[tuple[str, str, str], list[Recognised]]:
    """Files to be read together: same kind, same source, same folder or archive; in the order of first sight."""
    groups: dict[tuple[str, str, str], list[Recognised]] = {}
    for item in files:
        groups.setdefault((item.reader.KIND, item.source, item.file.container), []).append(item)
    return groups


def _placed(finding: Finding, file: SourceFile) -> Finding:
    return Finding(
        finding.code, finding.severity, finding.what, file.name, finding.line, finding.why, finding.remedy
    )
