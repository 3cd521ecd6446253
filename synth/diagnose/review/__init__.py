"""Error analysis: sample, review, count and correct. Imports `ladder` and nothing above `match`."""
