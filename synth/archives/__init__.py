"""Tar and Parquet files: written with the same bytes everywhere, read in place. Imports only the ground."""
