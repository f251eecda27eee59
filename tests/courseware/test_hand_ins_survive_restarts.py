"""The small form of `benchmarks/bench_hand_ins.py`: some students, one kill, on the platform of the tests."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.bench_hand_ins import make_class, storm
from tests.platform_under_test import PlatformUnderTest


@pytest.mark.timeout(240)
def test_every_student_has_a_receipt_and_one_submission_although_the_service_is_killed(
    platform: PlatformUnderTest,
) -> None:
    tokens = make_class(platform, "storm", 12)
    outcome = asyncio.run(storm(platform, "storm", tokens, seconds=1.5, kills=1))
    assert outcome.problems == []
    assert len(outcome.receipts) == 12
