"""Pure methods: arrays in, estimates with their uncertainty out.

Turned by mathematics; each function names its source and equation and states its assumptions and errors.
No Django, no files, no clock, no global random state: randomness and time are arguments.
Who may call: warehouse, wheel, spokes, invented (queueing only); it knows nobody.
"""
