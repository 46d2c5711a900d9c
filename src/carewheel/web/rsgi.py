"""The application as granian runs it: a request is read whole, in time and within bounds, before a thread works on it.

A thread that waits for the rest of a form is one fewer for everybody else; eight strangers who never finish theirs would be the end. So
the loop reads, and a thread gets what is complete. Headers with an underscore are dropped: they would pass for those of the proxy.
"""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from carewheel.web.wsgi import application as pages

# Requests at once in a process; further ones wait their turn, so many at most.
THREADS, MOST_WAITING = 8, 256
LONGEST_BODY = 2_621_440
BODY_SECONDS = 10.0
# Of all forms that are being read.
MOST_HELD = 64 << 20
_log = logging.getLogger(__name__)


class Cut(Exception):
    """The request is answered with this status before it is read to its end."""

    def __init__(self, status: int) -> None:
        self.status = status


class Application:
    """See the module; one for each process."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(THREADS, "page")
        self.waiting = self.held = 0

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.proto != "http":
            protocol.close(None)
            return
        if self.waiting >= MOST_WAITING:
            _turn_away(protocol, 503)
            return
        try:
            body = await self._body(scope, protocol)
        except Cut as cut:
            _turn_away(protocol, cut.status)
            return
        self.waiting += 1
        try:
            answer = await asyncio.get_running_loop().run_in_executor(
                self.threads, _page, environ(scope, body)
            )
        except Exception:
            _log.exception("a page failed outside of Django")
            answer = 500, [("content-type", "text/plain")], b"Something went wrong."
        finally:
            self.waiting -= 1
        protocol.response_bytes(*answer)

    async def _body(self, scope: Any, protocol: Any) -> bytes:
        """All of the body. Raises `Cut` for one that is too long, does not say how long it is, or does not come in time."""
        if "host" not in scope.headers:
            raise Cut(400)
        if "transfer-encoding" in scope.headers:
            # No browser sends forms so; where two ways to tell the length meet, proxies and servers have been played against one another.
            raise Cut(411)
        told = scope.headers.get("content-length") or "0"
        if not (told.isascii() and told.isdigit()) or len(told) > 12 or int(told) > LONGEST_BODY:
            raise Cut(413)
        if told == "0":
            return b""
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in protocol:
                    self.held += len(chunk)
                    body += chunk
                    if self.held > MOST_HELD:
                        raise Cut(503)
        except TimeoutError as error:
            raise Cut(408) from error
        finally:
            self.held -= len(body)
        if len(body) != int(told):
            raise Cut(400)
        return bytes(body)


def environ(scope: Any, body: bytes) -> dict[str, Any]:
    """The request as WSGI has it."""
    host, _, port = scope.server.rpartition(":")
    found: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host.strip("[]") or "localhost",
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]") or scope.client,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in scope.headers.items():
        if "_" in name or name == "content-length":
            continue
        key = "CONTENT_TYPE" if name == "content-type" else f"HTTP_{name.upper().replace('-', '_')}"
        found[key] = f"{found[key]}{'; ' if name == 'cookie' else ','}{value}" if key in found else value
    return found


def _page(request: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
    """One request through Django, in a thread."""
    status: int = 500
    head: list[tuple[str, str]] = []
    pieces: list[bytes] = []

    def start(line: str, headers: list[tuple[str, str]], error: Any = None) -> Callable[[bytes], object]:
        nonlocal status, head
        status, head = int(line.partition(" ")[0]), headers
        return pieces.append

    answer = pages(request, start)
    try:
        pieces.extend(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
    return status, head, b"".join(pieces)


def _turn_away(protocol: Any, status: int) -> None:
    """What is left of the request is not read: the line ends."""
    said = {
        400: "It cannot be read.",
        408: "It took too long to arrive.",
        411: "It does not say how long it is.",
        413: "It is too long.",
        503: "Too many ask at this moment. Try again.",
    }[status]
    head = [("content-type", "text/plain"), ("connection", "close")]
    protocol.response_bytes(status, head + ([("retry-after", "5")] if status == 503 else []), said.encode())


application = Application()
