"""Decisions of operations: pure, from contracts to contracts. Pages and journeys call these."""
