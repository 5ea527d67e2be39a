"""`python -m loadstone.reference`: the same as `loadstone serve`, without the rest of Loadstone."""

import sys

from loadstone.errors import LoadstoneError
from loadstone.reference.options import command

if __name__ == "__main__":
    try:
        command(prog_name="python -m loadstone.reference")
    except LoadstoneError as error:
        sys.stderr.write(f"loadstone: {error}\n")
        sys.exit(error.exit_code)
