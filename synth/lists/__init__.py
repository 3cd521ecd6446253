"""Rows of CSV, TSV and JSON-lines files; every mistake with file and line. Imports nothing above `dsp`."""
