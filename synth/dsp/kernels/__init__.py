"""Loops over samples that numpy cannot do fast, compiled by numba. Imports only the ground.

Import a module of this room inside the function that needs it: numba takes 0.3 s to load. A kernel gives the same bytes
on every processor: it decides with integers or in a fixed order, and none of its sums may be reordered.
"""
