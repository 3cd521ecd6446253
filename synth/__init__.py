"""synth: training sets for in-car speech, made from clean speech and car noise by a recipe."""

__version__ = "0.1.0"
