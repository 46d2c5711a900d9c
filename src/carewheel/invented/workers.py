"""Work on many places by several processes, which leave when the process that asked for it is gone."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Task = TypeVar("Task")
Answer = TypeVar("Answer")
LOOK_SECONDS = 1.0


def spread(work: Callable[[Task], Answer], tasks: Sequence[Task], workers: int) -> Iterable[Answer]:
    """``work`` on each task, in order, by ``workers`` processes; the answers do not depend on their number.

    >>> list(spread(abs, [-1, 2], 1))
    [1, 2]
    """
    if workers <= 1 or len(tasks) < 2:
        yield from map(work, tasks)
        return
    with ProcessPoolExecutor(
        min(workers, len(tasks)),
        mp_context=get_context("spawn"),
        initializer=_leave_with,
        initargs=(os.getpid(),),
    ) as pool:
        yield from pool.map(work, tasks)


def _leave_with(parent: int) -> None:
    """Watch the asking process: one that is killed cannot tell its workers, and they would wait for ever."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)
