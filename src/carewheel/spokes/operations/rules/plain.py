"""Contracts as plain JSON, and back: frozen types of numbers, words, days, tuples and one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def plain(value: Any) -> Any:
    """As JSON holds it: types become tables, tuples lists, days words."""
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def of_plain(kind: type[T], value: Any) -> T:
    """What `plain` took apart, by the type's own hints.

    >>> from carewheel.spokes.operations.contracts import Chance
    >>> of_plain(Chance, plain(Chance(0.2, 0.1, 0.3)))
    Chance(value=0.2, low=0.1, high=0.3)
    """
    found: T = _revived(kind, value)
    return found


def _revived(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _revived(next(one for one in inner if one is not NoneType), value)
    if is_dataclass(kind):
        hints, made = get_type_hints(kind), {}
        for one in fields(kind):
            made[one.name] = _revived(hints[one.name], value[one.name])
        frozen: Any = kind
        return frozen(**made)
    if origin is tuple:
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_revived(inner[0], one) for one in value)
        return tuple(_revived(part, one) for part, one in zip(inner, value, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _revived(inner[1], one) for key, one in value.items()}
    return date.fromisoformat(value) if kind is date else value
