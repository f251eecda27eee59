"""The same scores as nbgrader, cell for cell, on its example course."""

from __future__ import annotations

import pytest

from courseware.execution import KernelExecutor
from courseware.grading import grade
from courseware.structure import generate_version
from tests.courseware.conftest import PeerCourse


@pytest.mark.parametrize("mode", ["kernel", "short"])
@pytest.mark.parametrize("student", ["bitdiddle", "hacker", "idler", "author"])
async def test_scores_equal_those_of_nbgrader(peer_course: PeerCourse, student: str, mode: str) -> None:
    version = generate_version(peer_course.files("source", "ps1"))
    submitted = peer_course.files("submitted", student, "ps1")
    graded = await grade(version.structure, version.graded, submitted, KernelExecutor(mode), seed=1)
    theirs = {key[1:]: score for key, score in peer_course.scores.items() if key[0] == student}
    assert {(s.notebook, s.grade_id) for s in graded.scores} == set(theirs)
    for score in graded.scores:
        peer = theirs[score.notebook, score.grade_id]
        assert score.points == peer.max_score
        assert (score.grade_id, score.score.points) == (score.grade_id, peer.auto_score)
