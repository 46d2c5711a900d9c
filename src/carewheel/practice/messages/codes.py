"""Codes that show that somebody reads an address: six digits by e-mail or SMS, good for ten minutes and five tries.

Nothing is kept but the message and a count of tries: what is asked comes back sealed, with a keyed hash of the code.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from carewheel.practice.access import Actor, Refused
from carewheel.practice.messages.queue import fits
from carewheel.practice.models import Message, Patient, ThrottledTry
from carewheel.practice.tries import begin_all, begin_try

LASTS = timedelta(minutes=10)
TRIES = 5
HOUR = timedelta(hours=1)
MOST_BY_ADDRESS, MOST_BY_SENDER = 5, 30
SALT = "carewheel.codes"
KIND = "code"


def send_code(actor: Actor, to: str, about: Callable[[], Mapping[str, Any]], location_id: int | None = None) -> str:  # fmt: skip
    """Queue a code to an e-mail address or telephone number; returns what it is ``about`` sealed with it, to be given to `check_code`.

    ``about`` is asked once the limits allow a code, and in the same transaction; a visit under ``hold`` is the one that the code is to book.
    Raises `Refused`: bad-address, too-many-codes (by address, or from where it is asked).
    """
    channel = Patient.Channel.EMAIL if "@" in to else Patient.Channel.SMS
    if not fits(channel, to):
        raise Refused("bad-address", "This is neither an e-mail address nor a telephone number.", "Correct it.")  # fmt: skip
    limits = {f"code-to:{_hash(_whose(to))}": MOST_BY_ADDRESS, f"code-from:{actor.address}": MOST_BY_SENDER}
    since = actor.at - HOUR
    code = f"{secrets.randbelow(1_000_000):06d}"
    name = secrets.token_hex(16)
    with transaction.atomic():
        if not begin_all(limits, actor.at, since):
            raise Refused("too-many-codes", "Too many codes were sent.", "Wait an hour, or call the practice.")  # fmt: skip
        ThrottledTry.objects.filter(key__startswith="code", at__lt=since).delete()
        asked = dict(about())
        Message.objects.create(
            organisation_id=actor.organisation_id, location_id=location_id, visit_id=asked.get("hold"), purpose="visits", kind=KIND,
            channel=channel, to=to, subject="Your code",
            body=f"Your code is {code}. It is good for ten minutes. Nobody from the practice will ask you for it.",
            key=f"{actor.organisation_id}:code:{name}", due_at=actor.at, expires_at=actor.at + LASTS, ignore_quiet_hours=True,
            created_at=actor.at,
        )  # fmt: skip
    sealed = {"about": asked, "to": to, "name": name, "code": _print(name, code), "until": (actor.at + LASTS).timestamp()}  # fmt: skip
    return signing.dumps(sealed, salt=SALT, compress=True)


def check_code(sealed: str, code: str, at: datetime) -> tuple[dict[str, Any], str]:
    """What was sealed, and the address that was shown to be read. Raises `Refused`: code-over, code-wrong."""
    try:
        held = signing.loads(sealed, salt=SALT)
    except signing.BadSignature as error:
        raise _over() from error
    if held["until"] <= at.timestamp():
        raise _over()
    mine = begin_try(f"code:{held['name']}", at, at - LASTS, TRIES)
    if mine is None:
        raise _over()
    digits = "".join(sign for sign in code if sign.isascii() and sign.isdigit())
    if not constant_time_compare(_print(held["name"], digits), held["code"]):
        raise Refused("code-wrong", "This is not the code that we sent.", "Look at the latest message and type its six digits.")  # fmt: skip
    mine.delete()
    return held["about"], held["to"]


def _over() -> Refused:
    return Refused("code-over", "This code is too old, or was tried too often.", "Begin again.")


def _whose(to: str) -> str:
    """The same for all ways to write one address: without a tag; a number without zeros and country before it.

    >>> _whose("Pat+9@example.com"), _whose("001 202 555 0101") == _whose("+12025550101") == _whose("2025550101")
    ('pat@example.com', True)
    """
    name, at, domain = to.lower().rpartition("@")
    return f"{name.partition('+')[0]}@{domain}" if at else re.sub(r"\D", "", to)[-10:]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _print(name: str, code: str) -> str:
    return salted_hmac(SALT, f"{name}:{code}", algorithm="sha256").hexdigest()
