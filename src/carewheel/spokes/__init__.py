"""The components of the wheel, strangers to one another.

Each has frozen contracts, queries that read, rules that decide without files, clock or database, and later commands and pages.
Turned by those who work in a practice; each pushes the measures of its component.
Who may call: journeys, web, gateway, cli, and these only contracts, commands, queries and urls.
"""
