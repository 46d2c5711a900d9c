"""Invented: a group of practices that never existed, simulated person by person, and the truth behind it.

For demonstrations and for validation: what learns from data is held against a world whose causes are known. Imports
catalog, interop and science.queueing only, never what learns from it. Called by `cli` (`carewheel demo`) and by tests.
All that it writes is called invented everywhere.
"""
