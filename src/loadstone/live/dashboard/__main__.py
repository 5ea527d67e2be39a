"""`python -m loadstone.live.dashboard LINK LISTENING`: started by a run, with two sockets that it opened."""

import sys

from loadstone.live.dashboard.process import show

show(int(sys.argv[1]), int(sys.argv[2]))
