"""Random numbers by place: the number at a place is the same whoever asks, in whatever order, compiled or not.

So two plans of the same day meet the same luck (common random numbers), patient by patient. The stream is that of SplitMix64,
read at any counter. Source: Steele, Lea & Flood 2014, OOPSLA, "Fast splittable pseudorandom number generators".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
S30, S27, S31, S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
UNIT = 2.0**-53


def mixed(key: Any, counter: Any) -> Any:
    """A number from 0 up to, not including, 1, of unsigned 64-bit ``key`` and ``counter``; arrays or single ones."""
    z = key + (counter + np.uint64(1)) * GOLDEN
    z = (z ^ (z >> S30)) * MIX_1
    z = (z ^ (z >> S27)) * MIX_2
    return ((z ^ (z >> S31)) >> S11) * UNIT


def stream_key(seed: int, stream: int) -> np.uint64:
    """The key of one of many streams of a seed.

    >>> int(stream_key(7, 0)) == int(stream_key(7, 0)), int(stream_key(7, 0)) == int(stream_key(7, 1))
    (True, False)
    """
    return np.uint64(np.random.SeedSequence([seed, stream]).generate_state(1, np.uint64)[0])


def uniforms(seed: int, stream: int, counter: ArrayLike) -> NDArray[np.float64]:
    """Numbers from 0 to 1 at places ``counter`` (whole numbers, any shape) of a stream.

    >>> once = uniforms(1, 0, [3, 4, 5])
    >>> bool((uniforms(1, 0, [5, 3]) == once[[2, 0]]).all())
    True
    """
    place = np.asarray(counter).astype(np.uint64)
    found: NDArray[np.float64] = np.asarray(mixed(np.full(place.shape, stream_key(seed, stream)), place))
    return found
