"""Which folders belong to synth and where a command may write. Imports only the ground."""
