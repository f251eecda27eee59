"""What the children of the tests' parents do: the source they are given."""

from __future__ import annotations


def run(arguments: list[str]) -> None:
    """Run the first argument as Python, with the rest in `arguments`."""
    exec(compile(arguments[0], "<child>", "exec"), {"arguments": arguments[1:]})
