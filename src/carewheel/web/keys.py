"""Keys: one signs sessions and links, one seals secrets in the database. From the environment, or made once in the workspace.

Known or short keys refuse to start.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from carewheel.practice.access import Refused

SHORTEST = 40


class KeyRefused(Refused):
    """A key of the server cannot be used."""


def server_key(workspace: Path) -> str:
    """Signs. Raises `KeyRefused` for a key that somebody could guess."""
    given = os.environ.get("CAREWHEEL_SECRET_KEY")
    if given is None:
        given = _kept(workspace / "server.key", lambda: secrets.token_urlsafe(48))
    if _guessable(given):
        raise KeyRefused(
            "server.known-key",
            "The server's key is too short or known.",
            f"Unset CAREWHEEL_SECRET_KEY, or give {SHORTEST} random characters.",
        )
    return given


def sealing_keys(workspace: Path) -> list[str]:
    """Seal secrets in the database: the first seals, all open. Raises `KeyRefused` for what is no key, or can be guessed."""
    given = os.environ.get("CAREWHEEL_SEALING_KEY")
    if given is None:
        given = _kept(workspace / "sealing.key", _made_to_seal)
    keys = given.split()
    if not keys or not all(map(_seals, keys)):
        raise KeyRefused(
            "server.sealing-key",
            "The key that seals secrets in the database is none.",
            "Unset CAREWHEEL_SEALING_KEY, or give 32 random bytes in URL-safe base64.",
        )
    return keys


def _made_to_seal() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _seals(key: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(key)) == 32 and not _guessable(key)
    except (binascii.Error, ValueError):
        return False


def _guessable(key: str) -> bool:
    return len(key) < SHORTEST or len(set(key)) < 10 or "insecure" in key


def _kept(path: Path, make: Callable[[], str]) -> str:
    """What the file holds; made with mode 600 where there is none."""
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Whole under its name or not there: another process may read it at once.
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(make())
    try:
        os.link(new, path)
    except FileExistsError:
        pass  # another process was faster
    finally:
        new.unlink()
    return path.read_text("ascii").strip()
