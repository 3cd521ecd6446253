"""Measures clips without knowing how they were made. Imports nothing above `execute`."""
