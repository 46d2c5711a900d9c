"""The settings of the console for tests: a workspace that is thrown away, quick password hashes, else as they are."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

_FOLDER = tempfile.mkdtemp(prefix="carewheel-tests-")
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_GIVEN = {
    "CAREWHEEL_WORKSPACE": _FOLDER,
    "CAREWHEEL_SECRET_KEY": "for tests only: 0123456789 abcdefghijklmnopqrstuvwxyz",
}
_BEFORE = {name: os.environ.get(name) for name in _GIVEN}
os.environ.update(_GIVEN)

from carewheel.web.settings import *  # noqa: E402, F403
from carewheel.web.settings import ALLOWED_HOSTS, DATABASES  # noqa: E402

# Commands that tests run have workspaces of their own.
for _name, _value in _BEFORE.items():
    if _value is None:
        del os.environ[_name]
    else:
        os.environ[_name] = _value

ALLOWED_HOSTS += ["testserver"]
# Argon2 takes a quarter of a second on purpose; what it protects is tested with the real settings.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in practice: several processes and threads open it.
    DATABASES["default"]["TEST"] = {"NAME": f"{_FOLDER}/test.sqlite3"}
