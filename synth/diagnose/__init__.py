"""What to do next, from scores, error reviews, labels and stages. Imports nothing above `match`."""
