"""Use cases that cross rooms, one file each: read sources into facts, turn the wheel.

Turned by the doors (cli, later web and gateway); pushes records from interop into the warehouse and facts into the wheel.
No rules and no tables of their own: a journey introduces rooms that may not know one another.
Who may call: cli, web, gateway, background work.
"""
