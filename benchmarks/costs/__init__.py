"""The parts of `benchmarks/speed.py`: inputs, variants, measuring, results, bars, and the page with its plot."""
