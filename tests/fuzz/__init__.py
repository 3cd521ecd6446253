"""Mutated inputs against every command that reads them.

`python -m tests.fuzz --audio 2000 --lists 1000 --recipes 1000 --datasets 500 --profiles 300 --seed 1` is the long form; it
prints a table of counts, and each violation with its seed and index. `test_fuzz.py` is the short form. A mutant is a pure
function of (seed, kind, index): `--only KIND:INDEX` makes one again and keeps its folder.
"""
