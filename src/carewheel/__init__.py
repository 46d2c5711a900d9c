"""CareWheel runs and measures the flywheel of medical and dental practices."""

__version__ = "0.1.0"
