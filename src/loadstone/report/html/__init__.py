"""The report `html`: one file that works without a network, and reads without JavaScript."""
