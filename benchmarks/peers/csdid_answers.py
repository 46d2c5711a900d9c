"""Runs inside csdid's own environment: Callaway and Sant'Anna's estimates of a panel, as JSON.

    python csdid_answers.py < panel.json

The panel: {"outcomes": [[...], ...], "starts": [...]}, units by months, a start of null for units that never change. Printed, for
both kinds of controls: each cell (start, month, estimate, standard error) and the simple and dynamic averages.
"""

import json
import sys

import pandas as pd
from csdid.att_gt import ATTgt

given = json.load(sys.stdin)
rows = [
    {"unit": unit + 1, "month": month + 1, "y": value, "start": 0 if start is None else start + 1}
    for unit, (series, start) in enumerate(zip(given["outcomes"], given["starts"]))
    for month, value in enumerate(series)
]
answers = {}
for ours, theirs in (("never", "nevertreated"), ("not_yet", "notyettreated")):
    model = ATTgt("y", "month", "unit", "start", pd.DataFrame(rows), control_group=[theirs], cband=False)
    fitted = model.fit(est_method="reg", base_period="varying", bstrap=False)
    result = fitted.results
    cells = zip(result["group"], result["year"], result["att"], result["se"])
    answer = {"cells": [[int(g) - 1, int(t) - 1, float(a), float(s)] for g, t, a, s in cells]}
    for kind in ("simple", "dynamic"):
        found = fitted.aggte(typec=kind, bstrap=False, cband=False).atte
        answer[kind] = {
            "average": float(found["overall_att"]),
            "lags": [int(e) for e in found["egt"]] if kind == "dynamic" else [],
            "effects": [float(a) for a in found["att_egt"]] if kind == "dynamic" else [],
        }
    answers[ours] = answer
print("ANSWERS " + json.dumps(answers))
