"""How far two measured sets of audio differ, and in what. Imports `measure` and nothing above `execute`."""
