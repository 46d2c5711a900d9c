"""Exports of Open Dental: CSV of its tables, any subset of tables and columns, recognised by their columns.

How one missed visit is counted once is told in `missed`, how money is taken in `money`, people and calendars in `people`.
Past visits still "Scheduled" stay booked; visits on the unscheduled list are `waitlist` and no visits. A due recall is no
event and is not used. Open Dental counts on the wall clock of the clinic: moments are naive.
Who may call: warehouse, journeys (the reader contract of `interop.files.reading`).
"""

from carewheel.interop.tabular.opendental.reading import PRECEDENCE, read, source_name
from carewheel.interop.tabular.opendental.tables import KIND, recognise

__all__ = ["KIND", "PRECEDENCE", "read", "recognise", "source_name"]
