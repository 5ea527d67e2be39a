"""`loadstone serve`: the reference backend in the foreground."""

from loadstone.reference.options import command

__all__ = ["command"]
