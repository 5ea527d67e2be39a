"""Loadstone beside its peers, on one machine, in one run, as ratios: `python -m benchmarks`."""
