"""The version of the package: the only place where it is written."""

__version__ = "0.1.0"  # hatchling reads it by a pattern that takes no annotation
