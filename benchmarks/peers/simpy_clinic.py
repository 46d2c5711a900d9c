"""Runs inside SimPy's own environment: the clinic of benchmarks/scheduling/simulator.py, on the same days, as one writes it in SimPy.

    python simpy_clinic.py < given.json

Given: {"clinic": {"arrival": [[...]], "minutes": [[[...]]], "nurses": n, "doctors": n, "rooms": n, "rounds": n} or null,
"sessions": {"due": [...], "mean": m, "days": n} or null}. Out, as JSON: CPU seconds, and the mean waits of each stage.
The clinic: nurse and room, then doctor, then nurse again, the room kept all the while; null minutes: does not come.
"""

import json
import random
import sys
import time

import simpy

given = json.load(sys.stdin)


def clinic(arrival, minutes, nurses, doctors, rooms):
    """One day; the waits before each of the three stages, visit by visit."""
    env = simpy.Environment()
    nurse, doctor, room = (simpy.Resource(env, n) for n in (nurses, doctors, rooms))
    waits = [[0.0, 0.0, 0.0] for _ in arrival]

    def visit(k, at, stages):
        yield env.timeout(at)
        ready = env.now
        with room.request() as r:
            yield r
            with nurse.request() as n:
                yield n
                waits[k][0] = env.now - ready
                yield env.timeout(stages[0])
            ready = env.now
            with doctor.request() as d:
                yield d
                waits[k][1] = env.now - ready
                yield env.timeout(stages[1])
            ready = env.now
            with nurse.request() as n:
                yield n
                waits[k][2] = env.now - ready
                yield env.timeout(stages[2])

    for k, at in enumerate(arrival):
        if at is not None:
            env.process(visit(k, at, minutes[k]))
    env.run()
    return waits


def session(due, mean):
    """One practitioner's session, exponential service."""
    env = simpy.Environment()
    server = simpy.Resource(env, 1)
    waits = []

    def patient(at, service):
        yield env.timeout(at)
        ready = env.now
        with server.request() as request:
            yield request
            waits.append(env.now - ready)
            yield env.timeout(service)

    for at in due:
        env.process(patient(at, random.expovariate(1 / mean)))
    env.run()
    return sum(waits)


answers = {}
if given.get("clinic"):
    c = given["clinic"]
    taken = []
    for _ in range(c["rounds"]):
        began = time.process_time()
        waits = [clinic(a, m, c["nurses"], c["doctors"], c["rooms"]) for a, m in zip(c["arrival"], c["minutes"])]
        taken.append(time.process_time() - began)
    answers["clinic"] = {"seconds": min(taken), "waits": waits}
if given.get("sessions"):
    s = given["sessions"]
    random.seed(1)
    began = time.process_time()
    total = sum(session(s["due"], s["mean"]) for _ in range(s["days"]))
    answers["sessions"] = {"seconds": time.process_time() - began, "waiting": total / s["days"]}
json.dump(answers, sys.stdout)
