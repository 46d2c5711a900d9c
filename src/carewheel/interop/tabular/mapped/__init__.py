"""Any CSV or XLSX, by a mapping file (TOML): a reader, ready mappings, templates and proposals.

`read` and its neighbours are the reader contract; `load_mapping` checks one mapping file; `template` gives an empty CSV
that a shipped mapping recognises; `propose` looks at an unknown table and suggests a mapping to be looked over.
Pure: files in, records out. No catalog: a mapping's fields are those of the neutral records.
Who may call: warehouse, journeys, cli.
"""

from carewheel.interop.tabular.mapped.proposals import ProposedColumn, ProposedMapping, propose
from carewheel.interop.tabular.mapped.reading import (
    KIND,
    PRECEDENCE,
    read,
    recognise,
    shipped_mappings,
    source_name,
)
from carewheel.interop.tabular.mapped.specification import (
    Mapping,
    MappingRefused,
    load_mapping,
    parse_mapping,
)
from carewheel.interop.tabular.mapped.templates import TEMPLATES, template

__all__ = [
    "KIND",
    "PRECEDENCE",
    "TEMPLATES",
    "Mapping",
    "MappingRefused",
    "ProposedColumn",
    "ProposedMapping",
    "load_mapping",
    "parse_mapping",
    "propose",
    "read",
    "recognise",
    "shipped_mappings",
    "source_name",
    "template",
]
