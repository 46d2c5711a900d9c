"""What lies in the database and lets in whoever reads it, sealed with a key that is not there: secrets of second factors, and sessions.

Fernet (AES-128-CBC with HMAC-SHA-256), as the package cryptography has it. Several keys: the first seals, all open.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as Sessions
from django.utils import timezone

from carewheel.practice.access import Refused

if TYPE_CHECKING:
    from django.contrib.sessions.base_session import AbstractBaseSession


def seal(text: str) -> str:
    """Opened again by `unseal` alone."""
    return _keys().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises `Refused` (server.other-key) for what another key sealed, or nobody."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Refused(
            "server.other-key", "The second factors in the database were sealed with another key.",
            "Bring sealing.key or CAREWHEEL_SEALING_KEY back; whoever runs CareWheel has it in the backup.",
        ) from error  # fmt: skip


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SEALING_KEYS])


class Adapter(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's hooks for second factors."""

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)


class SessionStore(Sessions):
    """Sessions in the database, sealed: what is half set up (the secret of a new second factor) waits in them.

    A row is found by a digest of the cookie, so that nobody who reads the rows has anybody's cookie.
    """

    def encode(self, session_dict: dict[str, Any]) -> str:
        return seal(super().encode(session_dict))

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        try:
            return super().decode(unseal(str(session_data)))
        except Refused:
            # As one that was signed with another key: nobody is signed in.
            return {}

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        found = self.model.objects.filter(session_key=row_of(self.session_key), expire_date__gt=timezone.now()).first()  # fmt: skip
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        return super().exists(row_of(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        made = super().create_model_instance(data)
        made.session_key = row_of(made.session_key)
        return made

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            super().delete(row_of(key))


def row_of(cookie: str | None) -> str:
    """Under which key the session of a cookie lies: as long as the column takes, 160 bits."""
    return hashlib.sha256((cookie or "").encode()).hexdigest()[:40]
