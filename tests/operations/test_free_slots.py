"""Free times: hours, leave, partial needs, clock changes, groups, and the rules for patients."""

from __future__ import annotations

import pytest
from tests.clinic import NOW, Clinic, small_clinic

from carewheel.spokes.operations.contracts_booking import SlotQuestion
from carewheel.spokes.operations.queries_slots import free_slots


@pytest.fixture
def clinic(db: None) -> Clinic:
    return small_clinic()


def test_first(clinic: Clinic) -> None:
    print(free_slots(clinic.actor, SlotQuestion(clinic.long_visit.pk, NOW, count=3)))
    assert len(free_slots(clinic.actor, SlotQuestion(clinic.long_visit.pk, NOW, count=3))) == 3
