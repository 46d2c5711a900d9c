"""The ways out of the house: files in the workspace (what happens by default), e-mail by SMTP, SMS by an HTTP gateway.

A way raises `NotSent` where certainly nothing left and it is worth trying again, `NeverSent` where trying again is useless, `Unclear` or
anything else where it cannot know. Their texts never hold an address or what a server said: servers quote addresses.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import ipaddress
import json
import os
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from carewheel.practice.access import Refused

# Old servers take seven bits only.
_SEVEN_BITS = SMTP.clone(cte_type="7bit")
SECONDS = 20
LONGEST_ANSWER = 65_536


class NotSent(Exception):
    """Nothing left the house; worth trying again later."""


class NeverSent(Exception):
    """Nothing left the house, and the same again would not either."""


class Unclear(Exception):
    """It may have left or not."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is to leave the house."""

    id: int
    key: str
    channel: str
    to: str
    subject: str
    body: str
    sender_name: str

    @property
    def mark(self) -> str:
        """The same for the same message at each try, and nothing that tells of it: receivers may know a repetition by it."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:32]


class Way(Protocol):
    """One way out."""

    def send(self, message: Outgoing) -> None: ...


@dataclass(frozen=True, slots=True)
class Files:
    """Each message becomes a file of its own in a folder, readable by its owner only."""

    folder: Path

    def send(self, message: Outgoing) -> None:
        """Written under another name first. One that is there already was sent before a crash."""
        path = self.folder / f"{message.id:08d}-{message.channel}-{message.mark[:8]}.txt"
        if path.exists():
            return
        head = f"To: {message.to}\n" + (f"Subject: {message.subject}\n" if message.subject else "")
        new = path.with_suffix(".new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:  # fmt: skip
                stream.write(f"{head}\n{message.body}\n")
            new.replace(path)
        except OSError as error:
            raise NotSent(f"the folder of messages: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Smtp:
    """E-mail. ``secure``: "tls" from the first byte, "starttls", or "none" (this machine only)."""

    host: str
    port: int
    user: str
    password: str
    sender: str
    secure: str

    def send(self, message: Outgoing) -> None:
        """One recipient a letter; unknown if the line breaks after the letter began to leave."""
        try:
            letter = EmailMessage(policy=_SEVEN_BITS)
            letter["From"] = formataddr((message.sender_name, self.sender))
            letter["To"] = message.to
            letter["Subject"] = message.subject
            letter["Message-ID"] = f"<{message.mark}@{self.sender.rpartition('@')[2]}>"
            letter["Auto-Submitted"] = "auto-generated"
            letter.set_content(message.body)
            content = letter.as_bytes()
        except (ValueError, UnicodeError) as error:
            raise NeverSent(f"no letter can be made of it: {type(error).__name__}") from error
        try:
            line = self._open()
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(f"the mail server: {type(error).__name__}") from error
        try:
            _asked(lambda: line.mail(self.sender), "the sender")
            _asked(lambda: line.rcpt(message.to), "the recipient")
            try:
                code, _ = line.data(content)
            except smtplib.SMTPDataError as error:
                code = error.smtp_code
            _answered(code, "the letter")
        finally:
            try:
                line.quit()
            except (OSError, smtplib.SMTPException):
                line.close()

    def _open(self) -> smtplib.SMTP:
        if self.secure == "tls":
            line: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=SECONDS, context=ssl.create_default_context()
            )
        else:
            line = smtplib.SMTP(self.host, self.port, timeout=SECONDS)
        try:
            line.ehlo_or_helo_if_needed()
            if self.secure == "starttls":
                line.starttls(context=ssl.create_default_context())
                line.ehlo()
            if self.user:
                line.login(self.user, self.password)
        except BaseException:
            line.close()
            raise
        return line


@dataclass(frozen=True, slots=True)
class SmsGateway:
    """SMS: one POST with ``{"to", "text", "id"}`` as JSON. Redirects are not followed: they would carry texts to somebody else."""

    address: SplitResult

    def send(self, message: Outgoing) -> None:
        host, port = self.address.hostname or "", self.address.port
        line: http.client.HTTPConnection
        if self.address.scheme == "https":
            line = http.client.HTTPSConnection(
                host, port, timeout=SECONDS, context=ssl.create_default_context()
            )
        else:
            line = http.client.HTTPConnection(host, port, timeout=SECONDS)
        try:
            try:
                line.connect()
            except OSError as error:
                raise NotSent(f"the SMS gateway: {type(error).__name__}") from error
            content = json.dumps({"to": message.to, "text": message.body, "id": message.mark})
            path = (self.address.path or "/") + (f"?{self.address.query}" if self.address.query else "")
            line.request("POST", path, content.encode(), self._head(message))
            answer = line.getresponse()
            answer.read(LONGEST_ANSWER)
        finally:
            line.close()
        if 200 <= answer.status < 300:
            return
        if answer.status in (429, 503):
            raise NotSent(f"the SMS gateway answered {answer.status}")
        if 300 <= answer.status < 500:
            raise NeverSent(f"the SMS gateway answered {answer.status}")
        raise Unclear(f"the SMS gateway answered {answer.status}")

    def _head(self, message: Outgoing) -> dict[str, str]:
        head = {"Content-Type": "application/json", "Idempotency-Key": message.mark}
        if self.address.username:
            pair = f"{unquote(self.address.username)}:{unquote(self.address.password or '')}"
            head["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return head


def ways(workspace: Path, smtp: str = "", sms: str = "") -> dict[str, Way]:
    """The way of each channel: by `CAREWHEEL_SMTP` and `CAREWHEEL_SMS`, else files in the workspace.

    ``smtp``: smtp://user:password@host:port?from=desk@example.com (STARTTLS, but on this machine), or smtps://… (TLS).
    ``sms``: https://user:password@host/path. Raises `Refused` (messages.smtp, messages.sms) for what would send texts in the clear.
    """
    files = Files(workspace / "messages")
    return {
        "email": _smtp(urlsplit(smtp)) if smtp else files,
        "sms": _sms(urlsplit(sms)) if sms else files,
    }


def _smtp(address: SplitResult) -> Smtp:
    sender = parse_qs(address.query).get("from", [""])[0]
    if address.scheme not in ("smtp", "smtps") or not address.hostname or "@" not in sender:
        raise Refused(
            "messages.smtp",
            "CAREWHEEL_SMTP is no address of a mail server with a sender.",
            "Write smtp://user:password@host:port?from=desk@example.com.",
        )
    secure = "tls" if address.scheme == "smtps" else "none" if _here(address.hostname) else "starttls"
    port = address.port or (465 if secure == "tls" else 587)
    return Smtp(address.hostname, port, unquote(address.username or ""), unquote(address.password or ""), sender, secure)  # fmt: skip


def _sms(address: SplitResult) -> SmsGateway:
    clear = address.scheme == "http" and _here(address.hostname or "")
    if not address.hostname or not (address.scheme == "https" or clear):
        raise Refused(
            "messages.sms",
            "CAREWHEEL_SMS is no https address.",
            "Write https://user:password@host/path; http is for a gateway on this machine only.",
        )
    return SmsGateway(address)


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _asked(ask: Callable[[], tuple[int, bytes]], what: str) -> None:
    """A question before the letter leaves: whatever goes wrong, nothing was sent."""
    try:
        code, _ = ask()
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(f"the mail server, at {what}: {type(error).__name__}") from error
    _answered(code, what)


def _answered(code: int, what: str) -> None:
    if 200 <= code < 300:
        return
    said = f"the mail server refused {what} ({code})"
    raise NotSent(said) if 400 <= code < 500 else NeverSent(said)
