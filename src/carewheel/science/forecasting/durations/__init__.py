"""How long it takes: durations of visits from event logs, as distributions by type, practitioner and patient.

`visit_minutes` reads a log; `duration_model` learns; its `quantiles`, `minute_chances` and `remaining` serve templates and the day itself; `pinball` judges.
Who may call: spokes, journeys; it knows the coding of science.survival.
"""

from carewheel.science.forecasting.durations.distribution import DurationModel, duration_model, pinball
from carewheel.science.forecasting.durations.visits import END, START, VisitMinutes, visit_minutes

__all__ = ["END", "START", "DurationModel", "VisitMinutes", "duration_model", "pinball", "visit_minutes"]
