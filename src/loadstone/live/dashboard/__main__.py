"""`python -m loadstone.live.dashboard LINK LISTENING NICENESS`: started by a run, with two sockets that it opened."""

import sys

from loadstone.live.dashboard.process import show

show(*map(int, sys.argv[1:4]))
