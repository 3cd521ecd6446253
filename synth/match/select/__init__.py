"""Chooses or weights clips to match a dev set. Imports `measure`, `fit` and nothing above `execute`."""
