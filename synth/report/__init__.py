"""HTML pages and plots. Imports nothing above `diagnose`."""
