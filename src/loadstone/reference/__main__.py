"""`python -m loadstone.reference`."""

from loadstone.reference.options import command

if __name__ == "__main__":
    command(prog_name="python -m loadstone.reference")
