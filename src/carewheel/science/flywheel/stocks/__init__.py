"""Stocks and flows: models as data, simulated over many draws, differentiated exactly, exported, and read for their loops.

One expression tree an equation; from it come the numpy simulation, the compiled one, the adjoint, XMILE and loop scores.
Numpy alone; numba is used if the extra ``[speed]`` is there and only when asked for. Who may call: `practice_model`, wheel.
"""

from carewheel.science.flywheel.stocks.compiled import simulate_compiled
from carewheel.science.flywheel.stocks.conservation import Transfer, residuals, transfers
from carewheel.science.flywheel.stocks.expressions import evaluate, parse
from carewheel.science.flywheel.stocks.link_scores import LinkScores, link_scores
from carewheel.science.flywheel.stocks.loops import LoopScores, loop_scores
from carewheel.science.flywheel.stocks.model import Auxiliary, Constant, Flow, Lookup, Model, Stock, build
from carewheel.science.flywheel.stocks.refusals import Refusal
from carewheel.science.flywheel.stocks.sensitivity import Sensitivity, sensitivities
from carewheel.science.flywheel.stocks.simulation import Run, simulate
from carewheel.science.flywheel.stocks.xmile import to_xmile

__all__ = [
    "Auxiliary",
    "Constant",
    "Flow",
    "LinkScores",
    "Lookup",
    "LoopScores",
    "Model",
    "Refusal",
    "Run",
    "Sensitivity",
    "Stock",
    "Transfer",
    "build",
    "evaluate",
    "link_scores",
    "loop_scores",
    "parse",
    "residuals",
    "sensitivities",
    "simulate",
    "simulate_compiled",
    "to_xmile",
    "transfers",
]
