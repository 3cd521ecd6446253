"""Pure functions from a clip's index to its `ClipSpec`: every choice is made here. Imports nothing above `catalog`."""
