"""Words that come from sources stand in the report as words: never as markup, never as a formula."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from tests.journeys.turns import turn

EVIL = "<script>alert(1)</script>"
IMG = '"><img src=x onerror=alert(2)>'
FORMULA = "=cmd|' /C calc'!A0"


def test_labels_places_and_payers_are_escaped(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(730)]
    spend = "".join(
        f"s{n},{EVIL if n % 2 else FORMULA},marketing,10.00,{day},{day},USD,{EVIL}\n"
        for n, day in enumerate(days)
    )
    (given / "spend.csv").write_text(
        "spend_id,channel,kind,amount,starts_date,ends_date,currency,location_id\n" + spend
    )
    quoted = IMG.replace('"', '""')
    answers = "".join(
        f'r{n},{day},nps,{n % 11},0,10,"{quoted}"\n{n}b,{day},nps,{n % 11},0,10,{EVIL}\n'
        for n, day in enumerate(days)
    )
    (given / "surveys.csv").write_text(
        "response_id,answered_at,question,score,scale_min,scale_max,location_id\n" + answers
    )
    (given / "locations.csv").write_text(
        f'location_id,location_name,zone,currency\n"{quoted}","{quoted}",America/Chicago,USD\n{EVIL},{EVIL},Nowhere/Land,{EVIL}\n'
    )
    made = turn(tmp_path / "space", given, mappings=(), zone="America/Chicago", currency="USD")
    assert made.outcome.report_path is not None
    page = made.outcome.report_path.read_text("utf-8")
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "<img src=x" not in page
    assert made.outcome.measured > 0
