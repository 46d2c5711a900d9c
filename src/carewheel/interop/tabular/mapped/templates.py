"""Empty files to fill in: the columns that a shipped mapping reads, with one line that explains them."""

from __future__ import annotations

import csv
import io

from carewheel.interop.tabular.mapped.fields import REQUIRED
from carewheel.interop.tabular.mapped.reading import shipped_mappings

# What people ask for → the name of the shipped mapping.
TEMPLATES = (
    "surveys",
    "invitations",
    "reviews",
    "referrals",
    "contacts",
    "spend",
    "staff",
    "pulses",
    "training",
    "recognition",
    "stock",
    "patients",
    "people",
    "payments",
    "adjustments",
    "changes",
    "investments",
    "expenses",
    "locations",
)


def template(name: str) -> str:
    """The text of an empty CSV of that name: a header and one explaining line, which readers ignore (it begins "# ").

    Raises `KeyError` for a name that is not in `TEMPLATES`.

    >>> print(template("expenses").splitlines()[0])
    expense_id,expense_date,category,amount,currency,location_id
    """
    if name not in TEMPLATES:
        raise KeyError(name)
    mapping = next(m for m in shipped_mappings() if m.name == name)
    columns: dict[str, str] = {}
    for column in mapping.blocks[0].source_id:
        columns[column] = "your own id of the row, so that a corrected file replaces it"
    for block in (mapping.blocks[0], *([mapping.person] if mapping.person else [])):
        for field, rule in block.rules.items():
            if rule.names and rule.help:
                need = "needed" if field in REQUIRED.get(block.table, ()) else "optional"
                columns[rule.names[0]] = f"{rule.help} ({need})"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    helps = list(columns.values())
    writer.writerow([f"# {helps[0]}", *helps[1:]])
    return text.getvalue()
