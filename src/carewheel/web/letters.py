"""Letters of the sign-in pages (a new password): they leave by the same way as messages to patients, `CAREWHEEL_SMTP` or files."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Sequence

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage

from carewheel.practice.messages.ways import NeverSent, NotSent, Outgoing, Unclear, ways

LOG = logging.getLogger(__name__)


class Letters(BaseEmailBackend):
    """Django's e-mail backend. One recipient a letter; what did not leave is not told to whoever asked, as allauth tells nobody either."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        way = ways(settings.WORKSPACE, os.environ.get("CAREWHEEL_SMTP", ""))["email"]
        sent = 0
        for letter in email_messages:
            for to in letter.to:
                mark = secrets.token_hex(16)
                try:
                    way.send(
                        Outgoing(0, mark, "email", to, str(letter.subject), str(letter.body), "CareWheel")
                    )
                except (NotSent, NeverSent, Unclear) as error:
                    # An error page would tell that the account exists.
                    LOG.warning("a letter of the sign-in pages did not leave: %s", type(error).__name__)
                else:
                    sent += 1
        return sent
