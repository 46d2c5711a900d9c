"""The views, one file a subject: they read a request, ask a query or give a command, and choose a template."""
