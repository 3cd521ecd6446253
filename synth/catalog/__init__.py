"""The recordings that a recipe may use, and the store of decoded noise. Imports nothing above `recipe`."""
