"""Did a change work? Plans before, methods, checks, and a verdict or a refusal afterwards.

`planned` freezes a plan before the start; `verdict` judges by it; `updated` turns a verdict into the next prior. The methods stand
alone as well: `impact` (a series beside controls), `interrupted` (a series by itself), `staggered_did`, `synthetic_control`,
`synthetic_did`. Arrays of units by months, NaN where missing; intervals at 95 % unless said otherwise. What the data cannot
answer raises `CannotTell` with code, data and remedy; a verdict carries it as its refusal. Nothing is drawn but placebos,
from a seed. Who may call: wheel, journeys; it knows science.intervals.
"""

from carewheel.science.causal.checks import Check
from carewheel.science.causal.evidence import Belief, Quality, updated
from carewheel.science.causal.impact import Impact, impact
from carewheel.science.causal.interrupted import Interruption, interrupted
from carewheel.science.causal.methods import METHODS, Method, Settings, estimate
from carewheel.science.causal.noise import PRIOR, R_PRIOR, Prior
from carewheel.science.causal.panel import NEVER, Panel
from carewheel.science.causal.placebos import Placebos, leave_one_out, placebos_in_space, placebos_in_time
from carewheel.science.causal.plan import Plan, months_needed, planned
from carewheel.science.causal.refusal import Effect
from carewheel.science.causal.staggered import PreTrend, StaggeredDid, pre_trend, staggered_did
from carewheel.science.causal.synthetic_control import SyntheticControl, synthetic_control
from carewheel.science.causal.synthetic_did import SyntheticDid, synthetic_did
from carewheel.science.causal.verdict import Refusal, Verdict, verdict
from carewheel.science.refusal import CannotTell

__all__ = [
    "METHODS",
    "NEVER",
    "PRIOR",
    "R_PRIOR",
    "Belief",
    "CannotTell",
    "Check",
    "Effect",
    "Impact",
    "Interruption",
    "Method",
    "Panel",
    "Placebos",
    "Plan",
    "PreTrend",
    "Prior",
    "Quality",
    "Refusal",
    "Settings",
    "StaggeredDid",
    "SyntheticControl",
    "SyntheticDid",
    "Verdict",
    "estimate",
    "impact",
    "interrupted",
    "leave_one_out",
    "months_needed",
    "placebos_in_space",
    "placebos_in_time",
    "planned",
    "pre_trend",
    "staggered_did",
    "synthetic_control",
    "synthetic_did",
    "updated",
    "verdict",
]
