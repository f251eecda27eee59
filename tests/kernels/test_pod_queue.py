"""Places in the queue for what is scarce, and what a project's idle server is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.culler import idle_servers
from kernels.pods import PodState, explain_wait, queue_places


def waiting(name: str, created: str, wants: str = "nvidia.com/gpu", place: str = "") -> PodState:
    message = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    return PodState(
        name, created=created, wants=wants, place=place, waiting_reason="Unschedulable", waiting_message=message
    )


def test_who_came_first_is_first_and_queues_are_by_kind() -> None:
    states = [
        waiting("b", "2026-01-01T10:00:02Z"),
        waiting("a", "2026-01-01T10:00:01Z"),
        waiting("slice", "2026-01-01T09:00:00Z", wants="nvidia.com/mig-1g.10gb"),
        PodState("small", waiting_reason="Unschedulable"),
    ]
    assert {state.name: place for state, place in queue_places(states)} == {
        "a": "1 of 2",
        "b": "2 of 2",
        "slice": "1 of 1",
    }


def test_place_is_told_and_taken_back_once_a_node_is_found() -> None:
    state = waiting("a", "1", place="2 of 5")
    assert explain_wait(state)[0].endswith("a free GPU (3 of the nodes) is missing. Place 2 of 5 in the queue.")
    running = PodState("a", wants="nvidia.com/gpu", place="2 of 5", node="n1")
    assert queue_places([running]) == [(running, "")]


@given(st.lists(st.tuples(st.text(min_size=1, max_size=3), st.integers(0, 9)), unique_by=lambda pair: pair[0]))
def test_nothing_is_written_twice(pods: list[tuple[str, int]]) -> None:
    states = [waiting(name, str(created)) for name, created in pods]
    placed = [waiting(s.name, s.created, place=place) for s, place in queue_places(states)]
    assert queue_places(placed) == []
    assert sorted(int(s.place.split()[0]) for s in placed) == list(range(1, len(pods) + 1))


def test_slice_of_a_gpu_is_named() -> None:
    message = "0/1 nodes are available: 1 Insufficient nvidia.com/mig-1g.10gb."
    state = PodState("a", waiting_reason="Unschedulable", waiting_message=message)
    assert "a free slice of a GPU (1g.10gb)" in explain_wait(state)[0]


def test_servers_idle_for_longer_are_stopped_the_longest_first() -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    activity = {"a": now - timedelta(hours=1), "b": now - timedelta(hours=3), "c": now - timedelta(hours=4)}
    assert idle_servers(activity, now, timedelta(hours=2)) == ["c", "b"]
