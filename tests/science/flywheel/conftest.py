"""Peers and the optional compiler; a missing one skips loudly, or fails in CI, as in tests/conftest.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from tests.conftest import IN_CI, _peer


@pytest.fixture(scope="session")
def systemdynamics_peer() -> Path:
    """An interpreter that has PySD and pysimlin."""
    return _peer("systemdynamics")


@pytest.fixture(scope="session")
def speed() -> None:
    """numba is there."""
    if importlib.util.find_spec("numba") is None:
        lacking = "numba: pip install 'carewheel[speed]'"
        if IN_CI:
            pytest.fail(f"CAREWHEEL_CI=1, and this test lacks {lacking}", pytrace=False)
        pytest.skip(f"NOT TESTED HERE: lacks {lacking}")
