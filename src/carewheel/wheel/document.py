"""The contract of `wheel.json`: its JSON Schema, and the check that every document passes before it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import jsonschema


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `wheel.json`.

    >>> schema()["properties"]["schema_version"]
    {'const': '1.2'}
    """
    text = resources.files("carewheel.wheel").joinpath("data", "wheel.schema.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker())


def check(document: Mapping[str, Any]) -> None:
    """Hold a document to the schema; `jsonschema.ValidationError` is a bug of ours, never of the data."""
    _validator().validate(document)
