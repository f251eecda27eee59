"""`python -m hub.cli` is the `collegium` command."""

from hub.cli.app import main

main()
