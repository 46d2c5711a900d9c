"""The door for people: settings, addresses, the policy of every route, shared pages and the design system.

Server-rendered pages over journeys and the spokes' queries and commands; no rules and no tables of its own.
Who may call: nobody imports it; `carewheel serve` and the WSGI server start it by name.
"""
