"""Runs shards on worker processes; knows shard numbers, not audio. Imports nothing above `dataset`."""
