"""C4 operations: who will come, how many will ask, which times to offer, who does what in which room, and the day itself.

Turned by front desks and managers; pushes access, waiting and the use of rooms and people. `contracts` are frozen types, `queries` read facts,
`rules` decide without files, clock or database.
Who may call: journeys, web, gateway, cli.
"""
