"""One use case per file: paths in, a value out; prints nothing. Imports nothing above `report`."""
