"""Measurements of noise: spectrum, bands, fingerprint, clusters, speech in it. Imports `dsp` and the ground."""
