"""Exports of an invented place: its book written as the systems of a real practice would give it.

Each module writes one kind of system into a folder of its own, with a `carewheel.toml` that says invented. Ids and names
of people come from `names`, so that all systems of a place speak of the same people, visits and claims.
"""
