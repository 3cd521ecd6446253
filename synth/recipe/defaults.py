"""Defaults that more than the recipe uses. It imports nothing, so that `--help` can show them."""

MAX_REUSE = 100.0
"""How often each second of noise may be used on average: of a layer, of the starter recipe, and of `synth noise`."""
