"""Runs inside an environment with numba: times CareWheel's compiled simulation and keeps its values.

    python compiled_timing.py MODEL.pickle OUT.npz ROUNDS

MODEL holds (model, values, record, every). Keys of OUT: ``seconds`` (CPU, the quickest of ROUNDS, compiling not counted),
``compiling`` (seconds), and the recorded names.
"""

import pickle
import sys
import time

import numpy as np

from carewheel.science.flywheel.stocks import simulate_compiled

with open(sys.argv[1], "rb") as stream:
    model, values, record, every = pickle.load(stream)
start = time.process_time()
run = simulate_compiled(model, values, record=record, every=every)
compiling = time.process_time() - start
taken = []
for _ in range(int(sys.argv[3])):
    start = time.process_time()
    run = simulate_compiled(model, values, record=record, every=every)
    taken.append(time.process_time() - start)
np.savez(sys.argv[2], seconds=min(taken), compiling=compiling, **run.series)
