"""A purchase written down as the file that `described` reads: what a form gives is kept in the one format that there is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from carewheel.wheel.investments.described import KEYS


def written(content: Mapping[str, Any]) -> str:
    """The file of a purchase whose keys and tables are ``content``; what is not there stays away.

    The other way round than `content_of`. Nothing is judged here: see `described`.

    >>> print(written({"title": "Portal", "price": {"amount": [1, 2, 3]}, "effect": [{"measure": "experience.nps", "change": [0, 3.5, 6]}]}))
    title = "Portal"
    <BLANKLINE>
    [price]
    amount = [1, 2, 3]
    <BLANKLINE>
    [[effect]]
    measure = "experience.nps"
    change = [0, 3.5, 6]
    <BLANKLINE>
    """
    parts = [_lines(content, "")]
    for name in KEYS:
        if name and name != "effect" and content.get(name):
            parts.append(f"[{name}]\n{_lines(content[name], name)}")
    parts += [f"[[effect]]\n{_lines(row, 'effect')}" for row in content.get("effect", ())]
    return "\n".join(filter(None, parts))


def _lines(row: Mapping[str, Any], table: str) -> str:
    return "".join(f"{key} = {_value(row[key])}\n" for key in KEYS[table] if key in row and key not in KEYS)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A text of JSON is one of TOML, but for the one sign that TOML wants escaped too.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    return repr(value)
