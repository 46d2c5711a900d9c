"""Times of a day as whole numbers: bit t says something about step t of the grid, so that a day is a few machine words."""

from __future__ import annotations

from collections.abc import Iterable


def block(start: int, end: int) -> int:
    """Bits ``start`` to ``end`` - 1.

    >>> bin(block(1, 4))
    '0b1110'
    """
    return (1 << end) - (1 << start) if end > start else 0


def runs(free: int, length: int) -> int:
    """Steps at which ``length`` free steps in a row begin, by doubling.

    >>> bin(runs(0b1110111, 2))
    '0b110011'
    """
    found, have = free, 1
    while 2 * have <= length:
        found &= found >> have
        have *= 2
    return found & (found >> (length - have)) if length > have else found


def starts(free: int, spans: Iterable[tuple[int, int]]) -> int:
    """Steps t at which all of t + from to t + to - 1 are free, for each (from, to) of ``spans``.

    >>> bin(starts(0b11011, ((0, 1), (3, 4))))
    '0b11'
    """
    found = -1
    for a, b in spans:
        found &= runs(free, b - a) >> a
    return found


def members(mask: int) -> list[int]:
    """The steps in a mask, in order.

    >>> members(0b10110)
    [1, 2, 4]
    """
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found
