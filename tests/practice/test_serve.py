"""The console as an operator starts it: from nothing to a sign-in that works, stopped and started again, never two at once."""

from __future__ import annotations

import contextlib
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


def said_to(port: int, text: str, wait: float = 5) -> bytes:
    """What is answered to these bytes, up to the end of the line or the wait."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as line:
        line.sendall(text.replace("\n", "\r\n").encode("latin-1"))
        return heard(line)


def heard(line: socket.socket) -> bytes:
    answer = b""
    with contextlib.suppress(TimeoutError, ConnectionResetError):
        while piece := line.recv(65_536):
            answer += piece
    return answer


HOST = "Host: 127.0.0.1\nX-Forwarded-Proto: https\n"
FORM = f"POST /account/login/ HTTP/1.1\n{HOST}Cookie: csrftoken={'a' * 32}\nContent-Type: application/x-www-form-urlencoded\n"
# What nobody sends who means well, and how it is answered: one answer, and the line ends.
ODD = {
    "two lengths": (f"{FORM}Content-Length: 6\nTransfer-Encoding: chunked\n\n0\n\nGET /smuggled HTTP/1.1\n{HOST}\n", b"411"),
    "a length twice": (f"{FORM}Content-Length: 3\nContent-Length: 4\n\nabcd", b"400"),
    "a length with a sign": (f"{FORM}Content-Length: +3\n\nabc", b"400"),
    "a space in a name": (f"{FORM}Content-Length: 3\nTransfer-Encoding : chunked\n\n1\nA\n0\n\n", b"400"),
    "a chunk that is none": (f"{FORM}Transfer-Encoding: chunked\n\nZZ\nabc\n0\n\n", b"411"),
    "a folded header": (f"GET / HTTP/1.1\n{HOST}X: a\n b\n\n", b"400"),
    "no host": ("GET / HTTP/1.1\n\n", b"400"),
    "two hosts": (f"GET / HTTP/1.1\n{HOST}Host: evil.example\nConnection: close\n\n", b"400"),
    "a body without end": (f"{FORM}Content-Length: 3000000000\n\n", b"413"),
    "headers by the thousand": (f"GET / HTTP/1.1\n{HOST}{''.join(f'X{n}: a' + chr(10) for n in range(10_000))}\n", b"431"),
    "a header without end": (f"GET / HTTP/1.1\n{HOST}X: {'a' * 1_000_000}\n\n", b"431"),
}  # fmt: skip


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the same processes, whatever the engine")
def test_case_37_who_is_slow_or_odd_keeps_nobody_else_out(surroundings: dict[str, str]) -> None:
    port, login = free_port(), f"GET /account/login/ HTTP/1.1\n{HOST}Connection: close\n\n"
    with console(surroundings | {"CAREWHEEL_HTTPS": "1"}, port, "--empty"), contextlib.ExitStack() as lines:
        # More than there are threads, in each way to be slow; and many who say nothing at all.
        begun = [f"GET / HTTP/1.1\n{HOST}", f"{FORM}Content-Length: 1000\n\nlogin=", ""]
        slow = [[lines.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(count)] for count in (30, 30, 600)]  # fmt: skip
        for some, text in zip(slow, begun, strict=True):
            for line in some:
                line.sendall(text.replace("\n", "\r\n").encode())
        assert said_to(port, login).startswith(b"HTTP/1.1 200")
        for what, (text, status) in ODD.items():
            answer = said_to(port, text)
            assert answer[9:12] == status, (what, answer[:200])
            assert answer.count(b"HTTP/1.1 ") == 1, what
        # A header with an underscore does not pass for the proxy's own.
        spoofed = login.replace("X-Forwarded-Proto: https", "X_Forwarded_Proto: https")
        assert said_to(port, spoofed)[9:12] == b"301"
        for some in slow:
            some[0].settimeout(20)
        assert [heard(some[0])[9:12] for some in slow] == [b"", b"408", b""], "they are cut off in the end"
        assert said_to(port, login).startswith(b"HTTP/1.1 200")


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
