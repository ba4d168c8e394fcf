"""The version, readable where the package is not installed."""

__version__ = "0.1.0"
