"""The `collegium` command."""

from hub.cli.app import main

__all__ = ["main"]
