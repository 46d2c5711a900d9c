"""What every component shares: organisation, locations, rooms, people, patients, visits, consent, roles, audit, messages, jobs.

A Django app without pages. Tables are in `models`, who may do what in `access`; `audit`, `jobs`, `messages`, `facts` write in the
transaction of whoever calls them. Every invariant that matters is held by the database, on SQLite and on PostgreSQL.
Who may call: spokes, journeys, web, gateway, cli (the last two by name only, so that `--help` stays instant).
"""
