"""Worker processes: the supervised pool, interrupts, threads and memory. Imports only the ground."""
