"""Live updates as they leave the ASGI application: who may listen, and that a change is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import Client
from django.utils import timezone
from tests.clinic import Clinic, small_clinic

from carewheel.practice.models import Membership
from carewheel.practice.places import add_closure
from carewheel.web import live

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """The thread that asks the database lets it go."""
    yield
    asyncio.run(sync_to_async(connections.close_all)())


class Listener:
    """One who listens: what the application sent, and a way to hang up."""

    def __init__(self, path: str, cookie: str = "", origin: str = "") -> None:
        headers = [(b"cookie", f"sessionid={cookie}".encode()), (b"origin", origin.encode())]
        self.scope = {"type": "http", "method": "GET", "path": path, "headers": headers}
        self.sent: list[Any] = []
        self.hung_up = asyncio.Event()

    async def receive(self) -> Any:
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def start(self) -> asyncio.Task[None]:
        return asyncio.create_task(live.application(self.scope, self.receive, self.send))

    @property
    def numbers(self) -> list[bytes]:
        return [m["body"] for m in self.sent[1:] if m.get("body", b"").startswith(b"data:")]

    async def hears(self, count: int) -> None:
        for _ in range(200):
            if len(self.numbers) >= count:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"heard {self.sent}")


def signed_in(clinic: Clinic, role: str) -> str:
    client = Client()
    client.force_login(clinic.account(role))
    return client.cookies["sessionid"].value


def test_a_change_of_the_book_is_heard_by_whoever_may() -> None:
    clinic = small_clinic()
    cookie = signed_in(clinic, "front_desk")

    async def run() -> None:
        listener = Listener(f"/live/day/{clinic.location.pk}/", cookie, "http://localhost:8000")
        task = listener.start()
        await listener.hears(1)
        assert (b"access-control-allow-origin", b"http://localhost:8000") in listener.sent[0]["headers"]
        actor = replace(clinic.actor, at=timezone.now())
        await sync_to_async(add_closure)(actor, clinic.location.pk, actor.at.date(), "invented")
        await listener.hears(2)
        assert listener.numbers[0] != listener.numbers[1]
        listener.hung_up.set()
        await asyncio.wait_for(task, 10)

    asyncio.run(run())


def test_nobody_else_hears_anything() -> None:
    clinic, other = small_clinic(), small_clinic("Hillside")
    cookie, stranger, auditor = (signed_in(clinic, "staff"), signed_in(other, "owner"), signed_in(clinic, "auditor"))  # fmt: skip
    here = f"/live/day/{clinic.location.pk}/"

    async def status(path: str, cookie: str) -> int:
        listener = Listener(path, cookie)
        listener.hung_up.set()
        await asyncio.wait_for(listener.start(), 10)
        return int(listener.sent[0]["status"])

    async def run() -> list[int]:
        return [await status(*one) for one in ((here, ""), (here, "x" * 32), (here, stranger), (here, auditor), ("/live/", cookie), (here, cookie))]  # fmt: skip

    assert asyncio.run(run()) == [403, 403, 403, 403, 404, 200]
    Membership.objects.all().delete()
    assert asyncio.run(status(here, cookie)) == 403


def test_another_site_gets_no_permission_to_read() -> None:
    clinic = small_clinic()
    cookie = signed_in(clinic, "staff")

    async def run() -> list[Any]:
        listener = Listener(f"/live/day/{clinic.location.pk}/", cookie, "https://evil.example")
        listener.hung_up.set()
        await asyncio.wait_for(listener.start(), 10)
        return list(listener.sent[0]["headers"])

    assert b"access-control-allow-origin" not in dict(asyncio.run(run()))


def test_a_leaver_hears_no_more_also_where_something_moves_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", 2)
    clinic = small_clinic()
    cookie = signed_in(clinic, "front_desk")

    def move() -> None:
        actor = replace(clinic.actor, at=timezone.now())
        add_closure(actor, clinic.location.pk, actor.at.date(), "invented")

    async def run() -> None:
        listener = Listener(f"/live/day/{clinic.location.pk}/", cookie)
        task = listener.start()
        await listener.hears(1)
        await sync_to_async(Membership.objects.all().delete)()
        for _ in range(60):
            await sync_to_async(move)()
            if task.done():
                break
            await asyncio.sleep(0.2)
        assert task.done()
        listener.hung_up.set()

    asyncio.run(run())


def test_one_session_does_not_take_all_the_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_OF_ONE", 2)
    clinic = small_clinic()
    one, another = signed_in(clinic, "front_desk"), signed_in(clinic, "staff")
    here = f"/live/day/{clinic.location.pk}/"

    async def run() -> list[int]:
        listeners = [Listener(here, cookie) for cookie in (one, one, one, another)]
        tasks = []
        for listener in listeners:
            tasks.append(listener.start())
            for _ in range(100):
                if listener.sent:
                    break
                await asyncio.sleep(0.05)
        for listener in listeners:
            listener.hung_up.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 20)
        again = Listener(here, one)
        again.hung_up.set()
        await asyncio.wait_for(again.start(), 10)
        return [int(listener.sent[0]["status"]) for listener in (*listeners, again)]

    assert asyncio.run(run()) == [200, 200, 503, 200, 200]
