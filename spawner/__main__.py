"""`python -m spawner` runs a project's server; `python -m spawner warm RUN_DIR` starts the parent of forked ones."""

import sys
from pathlib import Path

if sys.argv[1:2] == ["warm"]:
    from spawner.local import fork_server

    fork_server(Path(sys.argv[2])).start()
else:
    from spawner.project_server import main

    main()
