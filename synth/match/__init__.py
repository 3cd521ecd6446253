"""Real audio against synthesized: measure, compare, fit and select. Imports nothing above `execute`."""
