"""A service to be killed: it begins a run, or takes up what an earlier process of it had begun, until it has ended."""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.graph import PipelineService


def main(state: Path, file: Path) -> None:
    service = PipelineService(state)
    with service.open("service"):
        runs = service.history.runs()
        run_id = runs[0].id if runs else service.create(file).id
        service.begin(run_id)
        print(service.wait(run_id).status, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
