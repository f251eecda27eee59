"""Plans and outcomes survive the way to a grading pod and back; a log without outcomes is not taken for some."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_output

from courseware.execution import CellOutcome, Plan, PlannedCell
from courseware.grading_pod import BEGIN, END, closes, reachable, read_log, watching
from courseware.guard import GuardContext
from courseware.plan_files import outcomes_from_text, outcomes_to_text, plan_from_bytes, plan_to_bytes

names = st.frozensets(st.text(min_size=1, max_size=5), max_size=3)
contexts = st.builds(GuardContext, names, st.lists(st.text(max_size=20), max_size=2).map(tuple))
cells = st.lists(st.builds(PlannedCell, st.text(max_size=50), st.booleans(), contexts), max_size=4)
files = st.dictionaries(st.text(min_size=1, max_size=8), st.binary(max_size=50), max_size=3)


@given(st.builds(Plan, cells, st.text(max_size=8), files, st.integers(0, 2**64)))
def test_plan_comes_back_as_it_was_and_is_the_same_bytes_each_time(plan: Plan) -> None:
    content = plan_to_bytes(plan)
    assert plan_from_bytes(content) == plan
    assert plan_to_bytes(plan_from_bytes(content)) == content


def test_outcomes_come_back_as_they_were() -> None:
    outputs = (new_output("stream", name="stdout", text="π\n"), new_output("execute_result", {"text/plain": "1"}))
    outcomes = [CellOutcome(outputs), CellOutcome(failure="time was up"), CellOutcome(suspicion="patched")]
    text = outcomes_to_text(outcomes)
    log = "\n".join(["some warning", BEGIN, text[:10], text[10:], END, ""])
    assert outcomes_from_text(read_log(log)) == outcomes


@pytest.mark.parametrize("log", ["", "a\nb\n", f"{BEGIN}\nabc\n", f"{END}\n", f"{BEGIN}\nabc\n{END}\nmore\n"])
def test_log_that_was_cut_off_holds_no_outcomes(log: str) -> None:
    with pytest.raises(ValueError, match="no outcomes"):
        outcomes_from_text(read_log(log))


def test_an_address_that_answers_keeps_the_pod_from_grading() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert reachable([("127.0.0.1", port)], time.monotonic()) == [f"127.0.0.1:{port}"]
    assert reachable([("127.0.0.1", port)], time.monotonic()) == []


def test_pod_waits_for_its_rules_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    threading.Timer(0.7, listening.close).start()
    assert closes([listening.getsockname()], wait_seconds=180)
    said = capsys.readouterr().out
    assert "network policies are not yet in force" in said
    assert "Nothing can be reached after" in said


def test_pod_whose_rules_never_come_or_that_has_nothing_to_try_does_not_grade(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert not closes([listening.getsockname()], wait_seconds=0.6)
    assert "after 1 s: network policies are not enforced for it. Nothing is graded." in capsys.readouterr().out
    assert not closes([], wait_seconds=180)


def test_address_that_answers_while_the_submission_runs_is_noticed() -> None:
    """As when the cluster's API was away at the moment of the first look."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
    with watching([address]) as reached:
        assert reached == []
        with socket.create_server(address, reuse_port=True):
            deadline = time.monotonic() + 180
            while not reached:
                assert time.monotonic() < deadline
                time.sleep(0.05)
    assert reached == ["{}:{}".format(*address)]
