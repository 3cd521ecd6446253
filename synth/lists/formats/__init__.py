"""Data sets in the formats of other tools, as rows of audio; one format per file. Imports nothing above `dsp`."""
