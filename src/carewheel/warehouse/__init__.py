"""Facts (Parquet) to measures (the SQL of their cards), in one workspace folder, embedded on DuckDB or on Spark.

Turned by records from interop; pushes measure values with n, interval and freshness to the wheel.
Facts are immutable, versioned, loaded all or nothing; people are keyed pseudonyms.
Who may call: wheel, spokes, journeys, cli. It knows catalog, science and interop, never Django.
"""
