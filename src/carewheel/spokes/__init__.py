"""The components of the wheel, strangers to one another; each has contracts, queries, rules, and what its pages need.

Who may call: journeys, web, gateway, cli, and these only contracts, commands, queries, rules and urls.
"""
