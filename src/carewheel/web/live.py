"""Live updates: a small ASGI application beside the pages that says when the book of a location has moved.

``GET /live/day/<location>/`` streams a number (server-sent events) whenever it changes; the page then fetches its board anew. The database is
asked once a second for all locations that somebody watches, however many watch. Pages without it ask every ten seconds.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import django
from asgiref.sync import sync_to_async

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carewheel.web.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import close_old_connections  # noqa: E402
from django.http.request import validate_host  # noqa: E402

from carewheel.practice.access import Permission  # noqa: E402
from carewheel.practice.places import board_numbers, places  # noqa: E402
from carewheel.web.doorkeeper import actor_of_session  # noqa: E402

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH = re.compile(r"/live/day/(\d{1,12})/")
EVERY = 1.0
# A stream that says nothing is closed by proxies; and whoever lost their role must not go on listening.
HEARTBEAT = 15
MOST = 2_000
# Streams of one session: boards open in so many tabs.
MOST_OF_ONE = 12


class Watch:
    """The numbers of the locations that somebody watches, read by one task."""

    def __init__(self) -> None:
        self.watched: Counter[int] = Counter()
        # Streams by session.
        self.listening: Counter[str] = Counter()
        self.numbers: dict[int, int] = {}
        self.task: asyncio.Task[None] | None = None
        self.moved = asyncio.Event()

    async def read(self) -> None:
        """Once a second, as long as somebody watches."""
        while +self.watched:
            found = await sync_to_async(_numbers)(tuple(+self.watched))
            if found != self.numbers:
                self.numbers = found
                self.moved.set()
                self.moved = asyncio.Event()
            await asyncio.sleep(EVERY)
        self.task = None

    def begin(self, location_id: int, key: str) -> None:
        self.watched[location_id] += 1
        self.listening[key] += 1
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self.read())

    def end(self, location_id: int, key: str) -> None:
        self.watched[location_id] -= 1
        # Those who have left are forgotten.
        self.listening = +(self.listening - Counter((key,)))


_watches: dict[asyncio.AbstractEventLoop, Watch] = {}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    if scope["type"] != "http":
        return
    match = PATH.fullmatch(scope["path"])
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    if match is None or scope["method"] != "GET":
        await _answer(send, 404)
        return
    key, location_id = _session_key(headers.get("cookie", "")), int(match[1])
    watch = _watches.setdefault(asyncio.get_running_loop(), Watch())
    if not key or not await sync_to_async(_may)(key, location_id):
        await _answer(send, 403)
    elif sum(watch.watched.values()) >= MOST or watch.listening[key] >= MOST_OF_ONE:
        await _answer(send, 503)
    else:
        await _stream(watch, location_id, key, headers, receive, send)


async def _stream(
    watch: Watch, location_id: int, key: str, headers: dict[str, str], receive: Receive, send: Send
) -> None:
    head = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]  # fmt: skip
    origin = headers.get("origin", "")
    # The pages' own origin, on another port of the same host: nobody else gets the stream.
    if origin and validate_host(urlsplit(origin).hostname or "", settings.ALLOWED_HOSTS):
        head += [(b"access-control-allow-origin", origin.encode("latin-1")), (b"access-control-allow-credentials", b"true"), (b"vary", b"origin")]  # fmt: skip
    await send({"type": "http.response.start", "status": 200, "headers": head})
    watch.begin(location_id, key)
    # Asked anew also where something moves all the time.
    tick = asyncio.get_running_loop().time
    asked = tick()
    gone = asyncio.create_task(_gone(receive))
    last: int | None = None
    try:
        while not gone.done():
            number = watch.numbers.get(location_id)
            if number is not None and number != last:
                last = number
                await send({"type": "http.response.body", "body": f"data: {number}\n\n".encode(), "more_body": True})  # fmt: skip
            moved = asyncio.create_task(watch.moved.wait())
            done, _ = await asyncio.wait({moved, gone}, timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
            moved.cancel()
            if tick() - asked >= HEARTBEAT:
                if not await sync_to_async(_may)(key, location_id):
                    break
                asked = tick()
            if not done:
                await send({"type": "http.response.body", "body": b": still here\n\n", "more_body": True})
    finally:
        gone.cancel()
        watch.end(location_id, key)
    await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    while not (await receive())["type"].endswith(".disconnect"):
        pass


async def _answer(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"].endswith(".shutdown"):
            return


def _session_key(cookies: str) -> str:
    try:
        found = SimpleCookie(cookies).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return ""
    return found.value if found else ""


def _may(key: str, location_id: int) -> bool:
    """Whether the session is alive and its actor reads the schedule of a location of its own organisation."""
    close_old_connections()
    actor = actor_of_session(key)
    if actor is None or not actor.may(Permission.SCHEDULE_READ, location_id):
        return False
    return any(place.id == location_id for place in places(actor))


def _numbers(location_ids: tuple[int, ...]) -> dict[int, int]:
    close_old_connections()
    return board_numbers(location_ids)
