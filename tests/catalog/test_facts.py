"""The fact tables as the dictionary gives them."""

import pytest

from carewheel.catalog.facts import COMMON_COLUMNS, SQL_TYPES, fact_tables, precedence_kinds
from carewheel.interop.records import TABLE_OF


def test_every_neutral_record_has_the_columns_of_its_fact_table() -> None:
    common = {column.name for column in COMMON_COLUMNS}
    assert sorted(TABLE_OF.values()) == sorted(fact_tables())
    for record, table in TABLE_OF.items():
        own = [name for name in record._fields if name not in common]
        assert own == [column.name for column in fact_tables()[table].columns], table


def test_money_has_four_decimals_and_moments_have_a_zone() -> None:
    assert SQL_TYPES["money"] == "DECIMAL(18,4)"
    assert SQL_TYPES["moment"] == "TIMESTAMPTZ"


def test_the_practice_system_wins_over_claims() -> None:
    kinds = precedence_kinds()
    assert kinds.index("practice") < kinds.index("fhir") < kinds.index("x12")


def test_an_unknown_column_is_a_key_error() -> None:
    with pytest.raises(KeyError, match=r"payment\.nothing"):
        fact_tables()["payment"].column("nothing")
