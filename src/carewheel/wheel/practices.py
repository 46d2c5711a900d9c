"""Which sources belong to one practice. Those that do not are shown side by side, never as one wheel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from carewheel.catalog.facts import fact_tables
from carewheel.warehouse.workspace import Workspace

# A source's presence is judged by its own recent months: an archive of forty years would share a month with anything.
RECENT_MONTHS = 24
# Tables whose rows are something that happened (not plans, hours, people or places), for the default of --as-of.
ACTIVITY = (
    "appointment",
    "visit_event",
    "procedure",
    "charge",
    "payment",
    "adjustment",
    "claim_event",
    "survey_response",
    "review",
    "referral",
    "message",
    "marketing_spend",
    "expense",
    "staff_pulse",
    "recognition",
    "stock_move",
)
# Hours are planned for years ahead and say nothing of what happened.
PLANS = ("availability",)
# The day on which an appointment came to its end, in its own zone: a name ("Europe/London") or an offset ("-04:00").
CANCELLED_ON = """CASE
  WHEN status <> 'cancelled' OR cancelled_at IS NULL THEN local_date
  WHEN zone[1] IN ('+', '-')
    THEN least(local_date, CAST(timezone('UTC', cancelled_at) + CAST(replace(zone, '+', '') || ':00' AS INTERVAL) AS DATE))
  ELSE least(
    local_date,
    CAST(timezone(CASE WHEN zone = '' OR zone[1] IN ('+', '-') THEN 'UTC' ELSE zone END, cancelled_at) AS DATE))
END"""
NOT_YET = "('booked', 'pending', 'proposed', 'waitlist', '')"


@dataclass(frozen=True, slots=True)
class Practice:
    """Sources that belong together, with the last date on which something happened in them (None: no dated facts)."""

    sources: tuple[str, ...]
    last_activity: date | None
    facts: int


@dataclass(frozen=True, slots=True)
class _Presence:
    active: bool
    facts: int
    locations: frozenset[str]
    months: frozenset[date]
    last: date | None


def practices(workspace: Workspace, today: date) -> list[Practice]:
    """The practices among a workspace's sources, the one with most facts first.

    Two sources belong to one practice if they share a location, or share a month where at least one of them names no
    location at all. Months count within the last 24 of each source's own activity up to ``today``. What names no place
    and tells of nothing that happened (a staff list, notes of changes) belongs to the practice, if there is only one.
    """
    presences = _presences(workspace, today)
    names = sorted(presences)
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            if _together(presences[one], presences[other]):
                parent[root(other)] = root(one)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(root(name), []).append(name)
    _adopt(groups, presences)
    found = [_practice(members, presences) for members in groups.values()]
    return sorted(found, key=lambda practice: (-practice.facts, practice.sources))


def _adopt(groups: dict[str, list[str]], presences: Mapping[str, _Presence]) -> None:
    """Give lists, plans and notes that name no place (changes, staff, contacts) to the only practice that there is."""
    active = [key for key, members in groups.items() if any(presences[name].active for name in members)]
    if len(active) != 1:
        return
    for key in [key for key in groups if key not in active]:
        if not any(presences[name].locations for name in groups[key]):
            groups[active[0]] += groups.pop(key)


def _practice(members: Sequence[str], presences: Mapping[str, _Presence]) -> Practice:
    last = [
        presence.last
        for name in members
        if (presence := presences[name]).active and presence.last is not None
    ]
    return Practice(
        tuple(sorted(members)), max(last, default=None), sum(presences[name].facts for name in members)
    )


def _together(one: _Presence, other: _Presence) -> bool:
    if one.locations & other.locations:
        return True
    nameless = not one.locations or not other.locations
    return nameless and bool(one.months & other.months)


def _presences(workspace: Workspace, today: date) -> dict[str, _Presence]:
    connection = workspace.connect()
    facts: Counter[str] = Counter()
    locations: dict[str, set[str]] = {}
    # Lists of places, people and rooms say where a practice could be; where it is, its visits and answers say. Only a
    # source that is nothing but such lists is placed by them.
    listed: dict[str, set[str]] = {}
    months: dict[str, set[date]] = {}
    last: dict[str, date] = {}
    for table in fact_tables().values():
        rows = connection.execute(
            f"SELECT source, location_id, local_month, count(*) FROM {table.name} GROUP BY ALL"
        ).fetchall()
        for source, location, month, count in rows:
            facts[source] += count
            if location:
                (locations if table.time else listed).setdefault(source, set()).add(location)
            if month is not None and table.name not in PLANS:
                months.setdefault(source, set()).add(month)
    active: set[str] = set()
    # First what happened, then, for sources without any such table, whatever they date.
    for name in sorted(fact_tables(), key=lambda name: name not in ACTIVITY):
        if not fact_tables()[name].time or name in PLANS:
            continue
        done = f"AND status NOT IN {NOT_YET}" if name == "appointment" else ""
        # A visit of next week that was cancelled today happened today.
        day = CANCELLED_ON if name == "appointment" else "local_date"
        rows = connection.execute(
            f"SELECT source, max({day}) FROM {name} WHERE local_date <= ? {done} GROUP BY 1", [today]
        ).fetchall()
        for source, latest in rows:
            if name in ACTIVITY:
                active.add(source)
            elif source in active:
                continue
            last[source] = max(latest, last.get(source, latest))
    connection.close()
    return {
        source: _Presence(
            source in active,
            count,
            frozenset(locations.get(source) or (set() if source in last else listed.get(source, set()))),
            frozenset(m for m in months.get(source, ()) if source in last and _recent(m, last[source])),
            last.get(source),
        )
        for source, count in facts.items()
    }


def _recent(month: date, last: date) -> bool:
    apart = (last.year - month.year) * 12 + last.month - month.month
    return 0 <= apart < RECENT_MONTHS
