"""Runs inside pyx12's own environment: validates a file and prints its verdict and the CPU seconds that it took."""

import logging
import sys
import time

import pyx12.params
import pyx12.x12n_document

logging.disable(logging.CRITICAL)
param = pyx12.params.params()
start = time.process_time()
verdict = pyx12.x12n_document.x12n_document(param, sys.argv[1], None, None)
print("valid" if verdict else "invalid", time.process_time() - start)
