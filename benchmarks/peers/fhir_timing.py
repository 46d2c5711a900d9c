"""Runs inside fhir.resources' own environment: parses lines into R4B models and prints how many and the CPU seconds.

    python fhir_timing.py FILE.ndjson TYPE

The faster of the two documented ways is reported: validating the JSON text, or validating what orjson made of it.
"""

import importlib
import sys
import time

import orjson

kind = sys.argv[2]
model = getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
with open(sys.argv[1], "rb") as stream:
    lines = stream.readlines()
# The first use of a model builds its validators; that is not what is compared.
model.model_validate_json(lines[0])
seconds = []
for parse in (model.model_validate_json, lambda line: model.model_validate(orjson.loads(line))):
    start = time.process_time()
    for line in lines:
        parse(line)
    seconds.append(time.process_time() - start)
print(len(lines), min(seconds))
