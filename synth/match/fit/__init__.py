"""Fits a recipe to a dev set, round by round. Imports `measure` and nothing above `execute`."""
