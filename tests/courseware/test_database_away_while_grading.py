"""What was graded is kept when the database comes back, and the grading stays its worker's meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from courseware.execution import CellOutcome, KernelExecutor, Plan
from courseware.models import JobRow
from courseware.notebooks import write_notebook
from courseware.worker import Worker
from hub.data.engine import Database
from hub.errors import UnavailableError
from tests.courseware.class_under_test import ClassUnderTest
from tests.courseware.small_assignment import FULL, HONEST, NAME, answered, source_notebook
from tests.postgresql import PostgreSql, postgresql

AWAY_SECONDS = 1.0


class DatabaseEndsMeanwhile(KernelExecutor):
    """Runs a notebook while the database goes away, and has it come back when the notebook is done."""

    def __init__(self, server: PostgreSql) -> None:
        super().__init__("short")
        self._server = server
        self.runs = 0

    async def run(self, plan: Plan) -> Sequence[CellOutcome]:
        self.runs += 1
        await asyncio.to_thread(self._server.stop)
        outcomes = await super().run(plan)
        asyncio.get_running_loop().call_later(AWAY_SECONDS, self._server.start)
        return outcomes


async def test_a_grading_waits_for_a_database_that_is_away(tmp_path: Path) -> None:
    with TemporaryDirectory() as folder, postgresql(Path(folder)) as server:
        url = server.url(server.new_database())
        Database(url).migrate()
        physics = ClassUnderTest(tmp_path / "class", database_url=url)
        physics.release("ps1", {NAME: write_notebook(source_notebook())})
        handed_in = physics.hand_in("alice", "ps1", {NAME: write_notebook(answered(HONEST))})
        executor = DatabaseEndsMeanwhile(server)
        worker = Worker(
            physics.database, physics.blobs, executor, physics.now, lease_seconds=0.6, temporary=(UnavailableError,)
        )
        assert await worker.work_once()
        assert {score.grade_id: score.score for score in physics.scores(handed_in.id).values()} == FULL
        job = physics.database.read(lambda session: session.query(JobRow).one())
        assert (job.state, job.attempts, job.error, executor.runs) == ("done", 1, "", 1)
        physics.database.close()
