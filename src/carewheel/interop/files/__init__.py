"""Files as they come: finding, opening and recognising them, and the contract of every reader (`reading`).

Turns paths into `SourceFile`s by content, guards against bombs and damage, and names what is wrong in `Finding`s.
Pure: no database, no clock, no network. Readers of formats use it from inside `interop`;
`warehouse`, `journeys` and `cli` may call it.
Nothing here knows a fact table's meaning.
"""

from carewheel.interop.files.findings import FileRefused, Finding, doubt, note, refused
from carewheel.interop.files.holding import Held
from carewheel.interop.files.opening import Sample, SourceFile, printable
from carewheel.interop.files.reading import FileSink, Reader, ReadSettings, Recognition, Sink
from carewheel.interop.files.walking import find_files

__all__ = [
    "FileRefused",
    "FileSink",
    "Finding",
    "Held",
    "ReadSettings",
    "Reader",
    "Recognition",
    "Sample",
    "Sink",
    "SourceFile",
    "doubt",
    "find_files",
    "note",
    "printable",
    "refused",
]
