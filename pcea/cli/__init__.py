"""The ``pcea`` command: each subcommand is a dataclass that tyro parses."""

from pcea.cli.program import main

__all__ = ["main"]
