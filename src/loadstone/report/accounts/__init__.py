"""Accounts of searches, sweeps, duets, comparisons, histories and monitors."""
