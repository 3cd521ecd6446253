"""The directory of a data set: manifest, parts, lock, finish, verify. Imports nothing above `render`."""
