"""A mail server and an SMS gateway on this machine, real ones as far as the line goes, that note what they got."""

from __future__ import annotations

import json
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Mailbox:
    """What a mail server got. ``say``: another answer to a command, e.g. {"RCPT": "550 no"}; "drop" closes the line instead."""

    port: int = 0
    letters: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    say: dict[str, str] = field(default_factory=dict)


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    box = Mailbox()

    class Line(socketserver.StreamRequestHandler):
        def reply(self, text: str) -> bool:
            if text == "drop":
                return False
            self.wfile.write(f"{text}\r\n".encode())
            return True

        def handle(self) -> None:
            self.reply("220 test")
            while words := self.rfile.readline().decode().strip():
                verb = words.split(" ")[0].upper()
                answer = box.say.get(verb, {"DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 fine"))
                if not self.reply(answer):
                    return
                if verb == "RCPT" and answer.startswith("250"):
                    box.recipients.append(words)
                if verb == "DATA" and answer.startswith("354"):
                    lines = []
                    while (line := self.rfile.readline().decode()) not in (".\r\n", ""):
                        lines.append(line)
                    box.letters.append("".join(lines))
                    if not self.reply(box.say.get("END", "250 taken")):
                        return
                if verb == "QUIT":
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Line) as server:
        server.daemon_threads = True
        box.port = server.server_address[1]
        with _serving(server):
            yield box


@dataclass
class Gateway:
    """What an SMS gateway got; ``status``: what it answers."""

    port: int = 0
    texts: list[dict[str, str]] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    status: int = 200


@contextmanager
def sms_gateway() -> Iterator[Gateway]:
    gateway = Gateway()

    class Post(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            gateway.texts.append(json.loads(body))
            gateway.heads.append(dict(self.headers))
            self.send_response(gateway.status)
            if gateway.status == 302:
                self.send_header("Location", f"http://127.0.0.1:{gateway.port}/elsewhere")
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Post) as server:
        server.daemon_threads = True
        gateway.port = server.server_address[1]
        with _serving(server):
            yield gateway


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
