"""numba if it is there (extra ``[speed]``), and what stands in for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from carewheel.science.refusal import CannotTell


def compiler(compiled: bool | None, *, large: bool) -> Callable[[Any], Any] | None:
    """A function that compiles a function, or None for the plain path.

    ``compiled``: True for numba or a refusal, False for the plain path, None for numba if it is there and the work is
    ``large``: compiling takes some seconds once a process, in which the plain path can do a good deal.
    """
    if compiled is False or (compiled is None and not large):
        return None
    try:
        import numba  # type: ignore[import-not-found, unused-ignore]
    except ImportError as missing:
        if compiled is None:
            return None
        raise CannotTell(
            "missing-extra", {"package": "numba"}, "pip install 'carewheel[speed]', or take the plain path"
        ) from missing
    return numba.njit(error_model="numpy", nogil=True)  # type: ignore[no-any-return, unused-ignore]
