"""Resources to NDJSON files: one file a type, one resource a line, as a bulk export has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import orjson

from carewheel.interop.fhir.values import Resource
from carewheel.interop.writing import NotWritable

_BUFFER = 1 << 20


def write_ndjson(folder: Path, resources: Mapping[str, Iterable[Resource]]) -> dict[str, int]:
    """Write ``Type.ndjson`` into ``folder`` (made if it is not there) for each type, in the given order; returns the counts.

    A file appears when it is complete: one that fails half-way leaves what stood there before. A type without resources
    leaves no file. Raises `NotWritable` for a resource of another type than its file's. Memory: one resource and a
    megabyte; kept in lists they would cost Python's collector more time than the writing.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     counts = write_ndjson(Path(name), {"Patient": [{"resourceType": "Patient", "id": "p1"}], "Slot": []})
    ...     print(counts, [path.name for path in Path(name).iterdir()])
    {'Patient': 1, 'Slot': 0} ['Patient.ndjson']
    """
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for kind, those in resources.items():
        path, part = folder / f"{kind}.ndjson", folder / f"{kind}.ndjson.part"
        count = 0
        try:
            with part.open("wb", _BUFFER) as stream:
                for resource in those:
                    if resource["resourceType"] != kind:
                        raise NotWritable(
                            "wrong-file", f"Not every resource is a {kind}.", "Give each type its own."
                        )
                    stream.write(orjson.dumps(resource, option=orjson.OPT_APPEND_NEWLINE))
                    count += 1
            if count:
                part.replace(path)
            else:
                path.unlink(missing_ok=True)
        finally:
            part.unlink(missing_ok=True)
        counts[kind] = count
    return counts
