"""What readers remember of other rows stays in bounded memory: read with next to nothing in memory, every export is the same."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.interop import test_opendental_money, test_opendental_visits, test_openemr_export

from carewheel.interop.files import Held, holding

# The tests of the two readers that remember most: each must hold as well where nothing is kept in memory.
TOLD = [
    test
    for module in (test_opendental_money, test_opendental_visits, test_openemr_export)
    for name, test in vars(module).items()
    if name.startswith("test_") and list(inspect.signature(test).parameters) == ["tmp_path"]
]


def test_a_held_mapping_is_a_dict_whatever_stays_in_memory() -> None:
    draw = random.Random(5)
    for near in (0, 1, 7, 10_000):
        held: Held[tuple[str, date | None], list[int]] = Held(near=near)
        plain: dict[tuple[str, date | None], list[int]] = {}
        for step in range(3_000):
            key = (
                draw.choice("abcdefghij\0'\udc80") * draw.randrange(3),
                draw.choice([None, date(2025, 1, draw.randrange(1, 28))]),
            )
            if draw.random() < 0.7:
                plain[key] = [*plain.get(key, []), step]
                held[key] = [*held.get(key, []), step]
            else:
                assert (held.get(key), key in held) == (plain.get(key), key in plain)
        assert dict(held.items()) == plain
        # Storing values again while going through them, as the reader of histories does.
        for key, value in held.items():
            held[key] = [*value, -1]
        assert dict(held.items()) == {key: [*value, -1] for key, value in plain.items()}


@pytest.mark.parametrize("test", TOLD, ids=lambda test: str(test.__name__))
def test_exports_read_alike_when_everything_remembered_is_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, test: Callable[[Path], Any]
) -> None:
    monkeypatch.setattr(holding, "NEAR", 0)
    test(tmp_path)
