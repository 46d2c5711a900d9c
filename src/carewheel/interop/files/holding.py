"""What a reader has to remember of other rows: in memory while it is little, in a temporary file beyond that."""

from __future__ import annotations

import pickle
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic, TypeVar, overload

if TYPE_CHECKING:
    import sqlite3

K = TypeVar("K")
V = TypeVar("V")

# Entries of a few hundred bytes: a dozen of these mappings stay within some tens of megabytes.
NEAR = 20_000
PAGE = 1_000


class Held(Generic[K, V]):
    """A mapping of any number of entries in bounded memory.

    The file is SQLite's own temporary one: without a name, seen by no other process, gone when the mapping or the process
    ends. Keys are texts, or tuples whose ``repr`` tells them apart. What was changed in a value counts once it is stored
    again, as in ``held[key] = value``.

    >>> held: Held[str, int] = Held(near=2)
    >>> for number in range(5):
    ...     held[str(number)] = number
    >>> held.get("1"), held.get("9"), held.get("9", 0), "4" in held, sorted(held.items())[:2]
    (1, None, 0, True, [('0', 0), ('1', 1)])
    """

    def __init__(self, near: int | None = None) -> None:
        self._most = NEAR if near is None else near
        self._near: dict[K, V] = {}
        self._far: sqlite3.Connection | None = None

    def __setitem__(self, key: K, value: V) -> None:
        self._near[key] = value
        if len(self._near) > self._most:
            self._put_away()

    @overload
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: V) -> V: ...
    def get(self, key: K, default: V | None = None) -> V | None:
        """The value of the key, else ``default``."""
        try:
            return self._near[key]
        except KeyError:
            if self._far is None:
                return default
        found = self._far.execute("SELECT v FROM held WHERE k = ?", (repr(key),)).fetchone()
        value: V | None = pickle.loads(found[0])[1] if found else default  # what this process wrote itself
        return value

    def __contains__(self, key: K) -> bool:
        if key in self._near:
            return True
        if self._far is None:
            return False
        return self._far.execute("SELECT 1 FROM held WHERE k = ?", (repr(key),)).fetchone() is not None

    def items(self) -> Iterator[tuple[K, V]]:
        """Every key with its value, in no order that means anything; values may be stored again meanwhile."""
        if self._far is None:
            yield from list(self._near.items())
            return
        self._put_away()
        last = ""
        while page := self._far.execute(
            "SELECT k, v FROM held WHERE k > ? ORDER BY k LIMIT ?", (last, PAGE)
        ).fetchall():
            for last, entry in page:  # noqa: B007 - the next page begins after the last
                key, value = pickle.loads(entry)
                yield key, self._near.get(key, value)

    def _put_away(self) -> None:
        if self._far is None:
            # Imported here: small exports never need it.
            import sqlite3

            self._far = sqlite3.connect("", isolation_level=None)
            weakref.finalize(self, self._far.close)
            self._far.execute("PRAGMA journal_mode = OFF")
            self._far.execute("PRAGMA cache_size = -8000")
            self._far.execute("CREATE TABLE held (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID")
        # In the order of the keys: so each page of the file is touched once.
        entries = sorted((repr(key), pickle.dumps((key, value), -1)) for key, value in self._near.items())
        self._far.execute("BEGIN")
        self._far.executemany("INSERT OR REPLACE INTO held VALUES (?, ?)", entries)
        self._far.execute("COMMIT")
        self._near.clear()
