"""Who does what, where and when: requests of a day or a week to practitioner, room, assistant and equipment.

Who may call: spokes, journeys; it knows the refusal of science.causal.
"""
