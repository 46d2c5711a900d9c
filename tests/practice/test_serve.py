"""The console as an operator starts it: from nothing to a sign-in that works, stopped and started again, never two at once."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.cookiejar import CookieJar
from pathlib import Path

import pytest
from django.db import connection

CAREWHEEL = [sys.executable, "-c", "from carewheel.cli import main; main()"]
SECONDS = 120


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """The environment of an operator: a workspace of its own, and on PostgreSQL a database of its own."""
    mine = {k: v for k, v in os.environ.items() if not k.startswith(("CAREWHEEL_", "DJANGO_"))}
    mine["CAREWHEEL_WORKSPACE"] = str(tmp_path / "workspace")
    if connection.vendor == "postgresql":
        name = f"serve_{os.getpid()}_{abs(hash(tmp_path))}"
        url = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
        import psycopg

        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as line:
            line.execute(f"CREATE DATABASE {name}")
        mine["DATABASE_URL"] = url._replace(path=f"/{name}").geturl()
    return mine


@contextmanager
def console(surroundings: dict[str, str], port: int, *more: str) -> Iterator[list[str]]:
    """A running console; yields what it said, once it says where it is."""
    process = subprocess.Popen(
        [*CAREWHEEL, "serve", "--port", str(port), "--workers", "1", *more], env=surroundings,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=Path(surroundings["CAREWHEEL_WORKSPACE"]).parent,
    )  # fmt: skip
    said: list[str] = []
    ready = threading.Event()

    def listen() -> None:
        assert process.stdout
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                ready.set()
        ready.set()

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        assert ready.wait(SECONDS), said
        assert process.poll() is None, said
        yield said
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0, said
        thread.join()


class Browser:
    """Cookies, forms and redirects, as a browser has them."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.cookies = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> tuple[str, str]:
        with self.opener.open(self.address + path, timeout=30) as answer:
            return answer.geturl(), answer.read().decode()

    def sign_in(self, email: str, password: str) -> tuple[str, str]:
        _, form = self.get("/account/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert token
        words = {"csrfmiddlewaretoken": token[1], "login": email, "password": password}
        request = urllib.request.Request(
            self.address + "/account/login/", urllib.parse.urlencode(words).encode(),
            {"Referer": self.address + "/account/login/"},
        )  # fmt: skip
        with self.opener.open(request, timeout=30) as answer:
            return answer.geturl(), answer.read().decode()


def run(surroundings: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CAREWHEEL, *words], env=surroundings, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def test_from_nothing_to_a_sign_in_and_again_after_a_stop(surroundings: dict[str, str]) -> None:
    port = free_port()
    with console(surroundings, port, "--empty") as said:
        text = "".join(said)
        assert f"http://127.0.0.1:{port}" in text
        found = re.search(r"Password +(\S+)", text)
        assert found
        password = found[1]
        where, page = Browser(port).sign_in("owner@example.com", password)
        assert "/account/login" not in where
        assert "Sign out" in page or "logout" in page
        assert "/account/login" in Browser(port).sign_in("owner@example.com", "wrong")[0]
        # A second one of the same workspace, and one at a taken port.
        second = run(surroundings, "serve", "--port", str(free_port()))
        assert (second.returncode, "runs already" in second.stderr) == (2, True), second.stderr
        elsewhere = surroundings | {"CAREWHEEL_WORKSPACE": surroundings["CAREWHEEL_WORKSPACE"] + "2"}
        taken = run(elsewhere, "serve", "--port", str(port), "--empty")
        assert (taken.returncode, f"Port {port}" in taken.stderr) == (2, True), taken.stderr
    with console(surroundings, port) as said:
        assert "Password" not in "".join(said), "the account is there"
        assert "/account/login" not in Browser(port).sign_in("owner@example.com", password)[0]
        renewed = run(surroundings, "account", "reset", "owner@example.com")
        assert renewed.returncode == 0, renewed.stderr
        assert "/account/login" in Browser(port).sign_in("owner@example.com", password)[0]
        assert (
            "/account/login" not in Browser(port).sign_in("owner@example.com", renewed.stdout.split()[-1])[0]
        )
    key = Path(surroundings["CAREWHEEL_WORKSPACE"]) / "server.key"
    assert key.stat().st_mode & 0o077 == 0


def test_a_known_key_does_not_start(surroundings: dict[str, str]) -> None:
    outcome = run(
        surroundings | {"CAREWHEEL_SECRET_KEY": "insecure" * 8},
        "serve",
        "--empty",
        "--port",
        str(free_port()),
    )
    assert outcome.returncode == 2
    assert "too short or known" in outcome.stderr
    outcome = run(surroundings | {"DATABASE_URL": "mysql://x/y"}, "worker", "--once")
    assert outcome.returncode == 2
    assert "postgresql://" in outcome.stderr
