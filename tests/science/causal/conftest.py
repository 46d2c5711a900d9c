"""The peer that the difference in differences is held against; a missing one skips loudly, or fails in CI, as in tests/conftest.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import _peer


@pytest.fixture(scope="session")
def csdid_peer() -> Path:
    """An interpreter that has csdid."""
    return _peer("csdid")
