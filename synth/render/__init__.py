"""A `ClipSpec` and source samples become a finished clip and its measurements. Imports nothing above `plan`."""
