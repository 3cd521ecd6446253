"""Pure functions on arrays of samples: no files, no clock, no hidden randomness. Imports only the ground."""
