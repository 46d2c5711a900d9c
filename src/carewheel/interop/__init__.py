"""Formats, pure and loss-free: reads what practices really have into neutral records.

Turned by files (X12, FHIR, HL7 v2, Open Dental, OpenEMR, any CSV or XLSX by a mapping); pushes records and findings.
A parser never repairs money, never invents a date, never lets a name, contact or note through.
No Django, no clock, no network, no knowledge of the catalog's measures.
Who may call: warehouse, spokes, journeys, gateway, cli.
"""
