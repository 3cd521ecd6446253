"""Loops over samples that numpy cannot do fast, compiled by numba. Imports only the ground.

Call a kernel as `native.load("filters", "block_sums")`: that needs no numba, which takes half a second to load. So a
kernel makes no arrays (the caller passes memory) and returns numbers at most. A kernel gives the same bytes on every
processor: it decides with integers or in a fixed order, and none of its sums may be reordered.
"""
