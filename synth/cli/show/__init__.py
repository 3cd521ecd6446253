"""What commands print for people, one module per command: values in, text out. Imports nothing above `training`."""
