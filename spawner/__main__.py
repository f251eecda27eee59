"""`python -m spawner` runs a project's server; the spawner sets its environment."""

from spawner.project_server import main

main()
