"""The command line: noun, verb. `main` is the entry point."""

from workbench.cli.main import main

__all__ = ["main"]
