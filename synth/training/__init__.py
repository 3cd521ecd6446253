"""`open_dataset` and `open_plan`: clips for a training loop. Imports nothing above `commands`."""
