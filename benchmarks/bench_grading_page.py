"""How long the server takes for what a grader opens: 300 students, 10 assignments. Bar: 300 ms.

Run `python benchmarks/bench_grading_page.py`.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from courseware import assignments, marking, reports
from courseware.models import CourseRow
from hub.data.engine import Database

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.courseware.class_of_many import counted_queries, large_class

BAR_SECONDS = 0.3


def main() -> None:
    """Print the table."""
    print("| what | wall s (median of 7) | CPU s | queries | bar | |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        database = large_class(Path(folder), 300, 10)
        for name, work in (
            (
                "list of submissions of an assignment",
                lambda s: marking.listed(s, assignments.get(s, "large", "ps3").id),
            ),
            ("gradebook of the class", lambda s: reports.gradebook(s, s.get_one(CourseRow, "large"))),
        ):
            _measure(database, name, work)


def _measure(database: Database, name: str, work) -> None:  # type: ignore[no-untyped-def]
    walls, cpus = [], []
    with counted_queries(database) as count:
        database.read(work)
        queries = count()
    for _ in range(7):
        began, cpu = time.monotonic(), time.process_time()
        database.read(work)
        walls.append(time.monotonic() - began)
        cpus.append(time.process_time() - cpu)
    wall, cpu = statistics.median(walls), statistics.median(cpus)
    verdict = "pass" if wall <= BAR_SECONDS else "MISS"
    print(f"| {name} | {wall:.3f} | {cpu:.3f} | {queries} | ≤ {BAR_SECONDS} | {verdict} |")


if __name__ == "__main__":
    main()
