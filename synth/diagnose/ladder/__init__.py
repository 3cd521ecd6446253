"""From scores of each split to the gaps between them and the next steps. Imports nothing above `match`."""
