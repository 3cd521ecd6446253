"""Dev and test sets of real audio, by groups that never cross splits. Imports nothing above `plan`."""
