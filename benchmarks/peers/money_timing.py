"""Runs inside the peers' own environment: CPU seconds and answers of lifetimes, lifelines, numpy-financial and pyxirr, as JSON.

    python money_timing.py < given.json

Given: {"summary": [[x, ...], [t_x, ...], [T, ...]], "many": the same, "rounds": n, "flows": [[...], ...], "cox": [until, left, columns]}; parts may
be missing.
"""

import json
import sys
import time
import warnings

import numpy as np
import numpy_financial
import pandas as pd
import pyxirr
from lifelines import CoxPHFitter
from lifetimes import BetaGeoFitter, ParetoNBDFitter

warnings.filterwarnings("ignore")
given = json.load(sys.stdin)


def timed(call, rounds):
    taken, found = [], None
    for _ in range(rounds):
        began = time.process_time()
        found = call()
        taken.append(time.process_time() - began)
    return float(np.median(taken)), found


answers = {}
if "summary" in given:
    x, t_x, T = (np.array(column, dtype=float) for column in given["summary"])
    for name, kind in (("BG/NBD", BetaGeoFitter), ("Pareto/NBD", ParetoNBDFitter)):
        kind().fit(x, t_x, T)
        seconds, model = timed(lambda: kind().fit(x, t_x, T), given["rounds"])
        answers[name] = {
            "seconds": seconds,
            "parameters": [float(v) for v in model.params_],
        }
    big = [np.array(column, dtype=float) for column in given["many"]]
    seconds, model = timed(lambda: BetaGeoFitter().fit(*big), 1)
    answers["many"] = {
        "seconds": seconds,
        "parameters": [float(v) for v in model.params_],
    }
if "flows" in given:
    flows = [np.array(path) for path in given["flows"]]
    for name, call in (("numpy-financial", numpy_financial.irr), ("pyxirr", pyxirr.irr)):
        call(flows[0])
        seconds, found = timed(lambda: [call(path) for path in flows], 1)
        rates = [float(r) if r is not None else None for r in found]
        answers[name] = {"seconds": seconds / len(flows), "rates": rates}
if "cox" in given:
    until, left, columns = given["cox"]
    table = pd.DataFrame(np.array(columns))
    table["until"], table["left"] = until, left
    CoxPHFitter().fit(table, "until", "left")
    seconds, model = timed(lambda: CoxPHFitter().fit(table, "until", "left"), given["rounds"])
    answers["lifelines"] = {
        "seconds": seconds,
        "coefficients": [float(v) for v in model.params_],
        "log_likelihood": float(model.log_likelihood_),
    }
print("ANSWERS " + json.dumps(answers))
