"""The dictionary: every measure, component, link, play, pitfall, scorecard code and fact table, defined once.

Turned by data files and frozen types only: no rules, no files beyond its own, no clock.
What is not in here has no name in CareWheel; every number on a page has a card here.
Who may call: everybody above (warehouse, wheel, spokes, journeys, invented, doors); it knows nobody.
"""
