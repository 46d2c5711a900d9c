"""The EHI export of OpenEMR: a folder or ZIP of <table>.csv, any subset, recognised by the columns.

`recurrence` expands repeating events, `visits` makes one visit of an appointment and its encounter, `money` takes charges
from billing, money from ar_activity and claims by their latest version. A claim's id is ``pid-encounter``, which OpenEMR
sends as CLM01. Only columns on an allow-list are touched. Moments are naive: the wall clock of the facility.
Who may call: warehouse, journeys (the reader contract of `interop.files.reading`).
"""

from carewheel.interop.tabular.openemr.reading import PRECEDENCE, read, source_name
from carewheel.interop.tabular.openemr.tables import KIND, recognise

__all__ = ["KIND", "PRECEDENCE", "read", "recognise", "source_name"]
