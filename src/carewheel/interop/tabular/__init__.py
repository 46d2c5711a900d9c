"""Tables: exports of Open Dental and OpenEMR, and any CSV or XLSX by a mapping file.

`rows` streams CSV and XLSX in bounded memory and reports broken rows; `values` reads dates, moments, money and codes.
`opendental`, `openemr` and `mapped` are readers (the contract of `interop.files.reading`); `mapped` also proposes mappings.
Pure: no catalog, no clock, no network; only columns on an allow-list ever leave a row.
Who may call: warehouse, spokes, journeys, gateway, cli.
"""
