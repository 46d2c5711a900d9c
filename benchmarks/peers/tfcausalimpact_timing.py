"""Runs inside tfcausalimpact's own environment: the CPU seconds and answers of its impact calls, as JSON.

    python tfcausalimpact_timing.py START < series.json

The series: [[y, control], ...], each a list of numbers; START: the first row after the change. Defaults of the package (fit by
variational inference). The first call builds TensorFlow's graphs; it is repeated and its first time left out.
"""

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from causalimpact import CausalImpact

start = int(sys.argv[1])
tables = json.load(sys.stdin)


def call(y, control):
    data = pd.DataFrame({"y": np.array(y), "x": np.array(control)})
    began = time.process_time()
    found = CausalImpact(data, [0, start - 1], [start, len(y) - 1])
    seconds = time.process_time() - began
    average = found.summary_data["average"]
    return [seconds, float(average["abs_effect"]), float(average["abs_effect_lower"]), float(average["abs_effect_upper"])]


call(*tables[0])
print("ANSWERS " + json.dumps([call(*table) for table in tables]))
