"""Statistics of clips that come in groups: folds, bootstrap, intervals, distances, tests. Imports only the ground."""
