"""Runs inside the environment of PySD and pysimlin: simulates an XMILE file with both, writes values and CPU seconds.

    python systemdynamics_run.py MODEL.xmile OUT.npz ROUNDS

PySD writes a MODEL.py beside the file, so the file must lie in a folder of its own. Keys of OUT: ``time``, ``pysd:NAME``,
``simlin:NAME`` (every step), ``seconds`` (PySD, pysimlin; the quickest of ROUNDS runs, loading and translating not counted).
"""

import sys
import time

import numpy as np
import pysd
import simlin

path, out, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
found, seconds = {}, []


def quickest(work):
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        result = work()
        taken.append(time.process_time() - start)
    seconds.append(min(taken))
    return result


model = pysd.read_xmile(path)
frame = quickest(model.run)
found["time"] = frame.index.to_numpy()
names = dict(zip(model.doc["Real Name"], model.doc["Py Name"], strict=True))
for column in frame.columns:
    values = frame[column].to_numpy()
    if values.dtype.kind == "f":
        found[f"pysd:{names.get(column, column)}"] = values
peer = simlin.load(path)
run = quickest(lambda: peer.run(analyze_loops=False))
for name in run.results.columns:
    found[f"simlin:{name}"] = run.results[name].to_numpy()
np.savez(out, seconds=np.array(seconds), **found)
