"""`python -m hub.cli` is the `collegium` command."""

from hub.cli import main

main()
