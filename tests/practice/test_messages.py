"""Messages: consent, quiet hours, exactly once, headers; a real SMTP line and a real HTTP gateway on this machine."""

from __future__ import annotations

import email
import email.policy
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from tests.clinic import NOW, Clinic, small_clinic
from tests.practice.receivers import mail_server, sms_gateway

from carewheel.practice.access import NotFound, Refused
from carewheel.practice.consents import record_consent
from carewheel.practice.messages import queue_message, withdraw_messages
from carewheel.practice.messages.sending import LEASE, mark_unknown, may_be_sent, send_again, send_due
from carewheel.practice.messages.ways import Outgoing, Way, ways
from carewheel.practice.models import AuditEvent, Message, Patient, Visit

pytestmark = pytest.mark.django_db
NOON = NOW + timedelta(hours=4)


@pytest.fixture
def clinic() -> Clinic:
    return small_clinic()


def queue(clinic: Clinic, key: str = "k", **more: Any) -> Message:
    words: dict[str, Any] = {
        "patient": clinic.patient, "purpose": "visits", "kind": "reminder", "key": key, "subject": "Your visit",
        "body": "See you on Tuesday.", "due_at": NOON,
    }  # fmt: skip
    return queue_message(clinic.actor, **(words | more))


def statuses() -> list[str]:
    return list(Message.objects.order_by("id").values_list("status", flat=True))


def test_consent_by_purpose_and_channel_decides(clinic: Clinic) -> None:
    assert (queue(clinic, "a").status, queue(clinic, "a").channel) == ("waiting", "sms")
    assert queue(clinic, "b", purpose="marketing").status == "suppressed"
    record_consent(clinic.actor, clinic.patient.pk, "marketing", "email", True)
    assert queue(clinic, "c", purpose="marketing").channel == "email"
    record_consent(clinic.actor, clinic.patient.pk, "visits", "sms", False)
    assert queue(clinic, "d").channel == "email"
    Patient.objects.filter(pk=clinic.other_patient.pk).update(email="", phone="")
    assert queue(clinic, "e", patient=Patient.objects.get(pk=clinic.other_patient.pk)).status == "suppressed"
    clinic.patient.preferred_channel = "email"
    assert queue(clinic, "f", purpose="surveys").status == "suppressed"


def test_a_no_after_queueing_still_counts(clinic: Clinic, tmp_path: Path) -> None:
    queue(clinic)
    record_consent(clinic.actor, clinic.patient.pk, "visits", "sms", False)
    assert send_due(ways(tmp_path), NOON) == 0
    assert statuses() == ["suppressed"]
    assert not list(tmp_path.rglob("*.txt"))


def test_the_same_key_is_queued_once_by_organisation(clinic: Clinic) -> None:
    assert queue(clinic).pk == queue(clinic, body="Other words").pk
    assert queue(small_clinic("Elsewhere")).pk != queue(clinic).pk


def test_another_organisations_patient_is_refused(clinic: Clinic) -> None:
    with pytest.raises(Refused):
        queue(clinic, patient=small_clinic("Elsewhere").patient)


@pytest.mark.parametrize(
    "forged", ["Hello\r\nBcc: all@example.com", "Hello\nX: y", "Hello\x00", "Hello\u2028x"]
)
def test_case_28_a_subject_cannot_forge_headers(clinic: Clinic, forged: str) -> None:
    with pytest.raises(Refused) as refusal:
        queue(clinic, subject=forged)
    assert refusal.value.code == "message.header"


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("email", "pat@example.com\r\nBcc: all@example.com"),
        ("email", "pat@example.com,all@example.com"),
        ("email", "pat@example.com all@example.com"),
        ("email", "<pat@example.com>"),
        ("sms", "+12025550101\r\nX: y"),
        ("sms", "+12025550101;+12025550102"),
    ],
)
def test_case_28_an_address_is_one_recipient(clinic: Clinic, channel: str, address: str) -> None:
    Patient.objects.filter(pk=clinic.patient.pk).update(
        phone=address if channel == "sms" else "", email=address if channel == "email" else ""
    )
    with pytest.raises(Refused) as refusal:
        queue(clinic, patient=Patient.objects.get(pk=clinic.patient.pk))
    assert refusal.value.code == "message.header"
    assert not Message.objects.exists()


def test_quiet_hours_are_those_of_the_location(clinic: Clinic, tmp_path: Path) -> None:
    night = NOW + timedelta(hours=15)  # 23:00 in New York
    queue(clinic, "quiet", due_at=night)
    queue(clinic, "urgent", due_at=night, ignore_quiet_hours=True)
    assert send_due(ways(tmp_path), night) == 1
    assert statuses() == ["waiting", "sent"]
    waiting = Message.objects.get(status="waiting")
    assert waiting.due_at == datetime(2026, 3, 3, 13, 0, tzinfo=UTC)
    assert send_due(ways(tmp_path), waiting.due_at - timedelta(seconds=1)) == 0
    assert send_due(ways(tmp_path), waiting.due_at) == 1


def test_the_morning_after_summer_time_begins_is_eight_on_the_clock() -> None:
    late = datetime(2026, 3, 8, 3, 30, tzinfo=UTC)  # 22:30 in New York, the clock jumps in the night
    assert may_be_sent(late, "America/New_York") == datetime(2026, 3, 8, 12, 0, tzinfo=UTC)


def test_what_is_too_late_or_withdrawn_is_not_sent(clinic: Clinic, tmp_path: Path) -> None:
    visit = Visit.objects.create(
        organisation=clinic.organisation, location=clinic.location, patient=clinic.patient, status="booked",
        starts_at=NOON, ends_at=NOON + timedelta(minutes=30),
    )  # fmt: skip
    queue(clinic, "late", expires_at=NOON)
    queue(clinic, "moved", visit=visit)
    queue(clinic, "offer", visit=visit, kind="offer")
    assert withdraw_messages(clinic.actor, visit.pk, "reminder") == 1
    assert withdraw_messages(small_clinic("Elsewhere").actor, visit.pk) == 0
    assert send_due(ways(tmp_path), NOON) == 1
    assert statuses() == ["cancelled", "cancelled", "sent"]


def test_files_are_the_default_and_private(clinic: Clinic, tmp_path: Path) -> None:
    queue(clinic)
    assert send_due(ways(tmp_path), NOON) == 1
    (path,) = (tmp_path / "messages").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == "To: +1 202 555 0101\nSubject: Your visit\n\nSee you on Tuesday.\n"
    assert send_due(ways(tmp_path), NOON + timedelta(days=1)) == 0


def by_mail(clinic: Clinic, key: str = "k", **more: Any) -> Message:
    Patient.objects.filter(pk=clinic.patient.pk).update(phone="")
    return queue(clinic, key, patient=Patient.objects.get(pk=clinic.patient.pk), **more)


def smtp(port: int, folder: Path) -> dict[str, Way]:
    return ways(folder, smtp=f"smtp://127.0.0.1:{port}?from=desk@example.com")


def test_a_letter_over_a_real_smtp_line(clinic: Clinic, tmp_path: Path) -> None:
    clinic.organisation.name = "Zahnärzte, am See"
    clinic.organisation.save()
    by_mail(clinic, subject="Ihr Termin – Dienstag", body="Grüße\n.\nEnde")
    with mail_server() as box:
        assert send_due(smtp(box.port, tmp_path), NOON) == 1
    assert len(box.recipients) == 1
    letter = email.message_from_string(box.letters[0], policy=email.policy.default)
    assert letter["Subject"] == "Ihr Termin – Dienstag"
    assert letter["From"].addresses[0].display_name == "Zahnärzte, am See"
    assert [a.addr_spec for a in letter["To"].addresses] == [clinic.patient.email]
    assert letter.get_content().replace("\r", "").replace("..", ".") == "Grüße\n.\nEnde\n"  # type: ignore[attr-defined]


def test_what_surely_did_not_leave_is_tried_again_with_pauses(clinic: Clinic, tmp_path: Path) -> None:
    by_mail(clinic)
    with mail_server() as box:
        box.say = {"RCPT": "451 later"}
        assert send_due(smtp(box.port, tmp_path), NOON) == 0
        held = Message.objects.get()
        assert (held.status, held.due_at) == ("waiting", NOON + timedelta(minutes=1))
        assert "example.com" not in held.error
        box.say = {}
        assert send_due(smtp(box.port, tmp_path), NOON) == 0, "not before its pause is over"
        assert send_due(smtp(box.port, tmp_path), NOON + timedelta(minutes=1)) == 1
    assert len(box.letters) == 1


def test_a_server_that_is_away_is_tried_so_often_only(clinic: Clinic, tmp_path: Path) -> None:
    by_mail(clinic, ignore_quiet_hours=True)
    with mail_server() as box:
        away = smtp(box.port, tmp_path)
    moment = NOON
    for _ in range(6):
        assert send_due(away, moment) == 0
        moment = max(moment, Message.objects.get().due_at)
    assert statuses() == ["failed"]


@pytest.mark.parametrize(
    ("say", "status"),
    [
        ({"RCPT": "550 no such user"}, "failed"),
        ({"DATA": "554 no"}, "failed"),
        ({"END": "552 too large"}, "failed"),
        ({"END": "drop"}, "unknown"),
        ({"MAIL": "drop"}, "waiting"),
    ],
)
def test_each_answer_of_the_server_has_its_outcome(
    clinic: Clinic, tmp_path: Path, say: dict[str, str], status: str
) -> None:
    by_mail(clinic)
    with mail_server() as box:
        box.say = say
        assert send_due(smtp(box.port, tmp_path), NOON) == 0
        assert statuses() == [status]
        if status != "waiting":
            box.say = {}
            assert send_due(smtp(box.port, tmp_path), NOON + timedelta(days=2)) == 0


@pytest.mark.parametrize(
    ("answer", "status"),
    [(200, "sent"), (302, "failed"), (400, "failed"), (429, "waiting"), (503, "waiting"), (500, "unknown")],
)
def test_an_sms_over_a_real_gateway(clinic: Clinic, tmp_path: Path, answer: int, status: str) -> None:
    queue(clinic)
    with sms_gateway() as gateway:
        gateway.status = answer
        out = ways(tmp_path, sms=f"http://desk:secret@127.0.0.1:{gateway.port}/send")
        send_due(out, NOON)
        assert statuses() == [status]
        assert len(gateway.texts) == 1, "redirects are not followed"
        if status == "waiting":
            gateway.status = 200
            assert send_due(out, NOON + timedelta(minutes=2)) == 1
            assert gateway.heads[0]["Idempotency-Key"] == gateway.heads[1]["Idempotency-Key"]
    assert gateway.texts[0]["to"] == "+1 202 555 0101"
    assert gateway.heads[0]["Authorization"].startswith("Basic ")


def test_a_sender_killed_in_between_leaves_an_unknown_that_only_people_repeat(
    clinic: Clinic, tmp_path: Path
) -> None:
    message = queue(clinic)

    class Killed:
        def send(self, outgoing: Outgoing) -> None:
            raise SystemExit

    with pytest.raises(SystemExit):
        send_due({"sms": Killed()}, NOON)
    assert statuses() == ["sending"]
    assert send_due(ways(tmp_path), NOON + LEASE) == 0
    assert mark_unknown(NOON + LEASE + timedelta(seconds=1)) == 1
    assert send_due(ways(tmp_path), NOON + timedelta(days=1)) == 0
    with pytest.raises(NotFound):
        send_again(small_clinic("Elsewhere").actor, message.pk)
    send_again(clinic.actor, message.pk)
    assert send_due(ways(tmp_path), NOON) == 1
    assert AuditEvent.objects.get().action == "message-sent-again"


@pytest.mark.parametrize(
    "address",
    ["http://gateway.example.com/send", "ftp://127.0.0.1/", "nonsense", "http://10.0.0.1/"],
)
def test_texts_never_travel_in_the_clear(tmp_path: Path, address: str) -> None:
    with pytest.raises(Refused):
        ways(tmp_path, sms=address)
    with pytest.raises(Refused):
        ways(tmp_path, smtp=address)


def test_logs_and_errors_hold_no_address_and_no_text(
    clinic: Clinic, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Patient.objects.filter(pk=clinic.patient.pk).update(email="zqcanary@example.com")
    by_mail(clinic, body="zqcanary", subject="zqcanary")
    caplog.set_level(logging.DEBUG)
    with mail_server() as box:
        box.say = {"RCPT": "550 zqcanary@example.com is not here\r\n550 zqcanary"}
        send_due(smtp(box.port, tmp_path), NOON)
    assert "zqcanary" not in caplog.text
    assert "zqcanary" not in Message.objects.get().error


@pytest.mark.django_db(transaction=True)
def test_many_senders_send_each_message_once(tmp_path: Path) -> None:
    from django.db import transaction

    clinic = small_clinic()
    with transaction.atomic():
        for number in range(20):
            queue(clinic, f"k{number}")
    start = Barrier(3)

    def sender(out: dict[str, Way]) -> None:
        start.wait()
        try:
            send_due(out, NOON)
        finally:
            connection.close()

    with sms_gateway() as gateway:
        out = ways(tmp_path, sms=f"http://127.0.0.1:{gateway.port}/")
        threads = [Thread(target=sender, args=(out,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(gateway.texts) == len({text["id"] for text in gateway.texts}) == 20
    assert set(statuses()) == {"sent"}
