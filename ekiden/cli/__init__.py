"""The command `ekiden`."""

from ekiden.cli.root import main

__all__ = ["main"]
