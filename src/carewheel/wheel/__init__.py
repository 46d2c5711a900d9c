"""The hub: a turn of the wheel: state of the parts, links, actions, alarms, as `wheel.json` and a report.

Turned by measures of the warehouse and the cards of the catalog; pushes what to do next, with its arithmetic.
It never invents a number: what is not measured is shown as not measured.
Who may call: journeys, web, gateway, cli. Spokes and the wheel do not know one another.
"""
