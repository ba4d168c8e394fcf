"""The ``pcea`` command: a file a subcommand, each a dataclass that tyro parses."""

from pcea.cli.program import main

__all__ = ["main"]
