"""The key that signs sessions: from the environment, or made once in the workspace. Known or short keys refuse to start."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from carewheel.practice.access import Refused

SHORTEST = 40


class KeyRefused(Refused):
    """The key of the server cannot be used."""


def server_key(workspace: Path) -> str:
    """Made with mode 600 where there is none. Raises `KeyRefused` for a key that somebody could guess."""
    given = os.environ.get("CAREWHEEL_SECRET_KEY")
    if given is None:
        path = workspace / "server.key"
        try:
            given = path.read_text("ascii").strip()
        except FileNotFoundError:
            workspace.mkdir(parents=True, exist_ok=True, mode=0o700)
            made = secrets.token_urlsafe(48)
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:  # another process was faster
                return server_key(workspace)
            with os.fdopen(handle, "w") as stream:
                stream.write(made)
            given = made
    if len(given) < SHORTEST or len(set(given)) < 10 or "insecure" in given:
        raise KeyRefused(
            "server.known-key",
            "The server's key is too short or known.",
            f"Unset CAREWHEEL_SECRET_KEY, or give {SHORTEST} random characters.",
        )
    return given
