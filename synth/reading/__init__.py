"""Data sets and plans for whoever trains a model in Python: sequences of typed rows, with their sound."""
