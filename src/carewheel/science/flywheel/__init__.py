"""The wheel as science: links learnt from a panel of places and months, and stocks and flows that run on them.

Arrays in, estimates with uncertainty out; called by `wheel` and by validation. `learning` fits the links, `stocks` simulates
any stock-and-flow model, `practice_model` is the one of a practice, `gain` says how strongly the wheel turns.
Knows no catalog, files, clock or database.
"""
