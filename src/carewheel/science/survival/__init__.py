"""Who stays and who leaves, of groups: curves of tenure, what makes leaving likelier, and how many of a group will leave.

`staying_curve`, `cox` with `coding` (kinds pulled towards their average, as far as the data want it), `concordance`, `expected_leavers`.
Arrays in, estimates with intervals at 90 % out; the data that cannot answer raise `CannotTell`. No function tells the chance of one person.
Who may call: wheel, journeys; it knows science.intervals and science.refusal.
"""

from carewheel.science.survival.concordance import concordance
from carewheel.science.survival.cox import CoxFit, cox
from carewheel.science.survival.curves import Curve, staying_curve
from carewheel.science.survival.features import Coding, Features, coding
from carewheel.science.survival.foresight import LEAST_GROUP, Leavers, expected_leavers
from carewheel.science.survival.tenures import Tenures, tenures

__all__ = [
    "LEAST_GROUP",
    "Coding",
    "CoxFit",
    "Curve",
    "Features",
    "Leavers",
    "Tenures",
    "coding",
    "concordance",
    "cox",
    "expected_leavers",
    "staying_curve",
    "tenures",
]
