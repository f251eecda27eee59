"""The three calls of an experiment over HTTP, as a bench or a job elsewhere makes them."""

from __future__ import annotations

import contextlib

from tests.platform_under_test import PlatformUnderTest

SPEC = {
    "name": "paint",
    "parameters": {"pigment": {"type": "float", "low": 0, "high": 1}, "binder": {"type": "int", "low": 1, "high": 5}},
    "metrics": [{"name": "gloss", "direction": "maximize"}],
    "budget": 3,
    "seed": 1,
}


def test_a_bench_elsewhere_is_the_objective(platform: PlatformUnderTest) -> None:
    platform.add_user("chemist")
    platform.add_user("stranger")
    with (
        contextlib.closing(platform.client("chemist")) as chemist,
        contextlib.closing(platform.client("stranger")) as stranger,
    ):
        project = chemist.post("/projects", json={"name": "Paint"}).json()["id"]
        here = f"/experiments/{project}"

        assert chemist.post(here, json=SPEC).status_code == 201
        assert chemist.post(here, json=SPEC).status_code == 409
        assert chemist.get(here).json() == {"items": ["paint"]}
        for path in (here, f"{here}/paint"):
            assert stranger.get(path).status_code == 404
        assert stranger.post(f"{here}/paint/suggestions").status_code == 404

        first = chemist.post(f"{here}/paint/suggestions").json()
        second = chemist.post(f"{here}/paint/suggestions").json()
        assert set(first["parameters"]) == {"pigment", "binder"}
        assert first["parameters"] != second["parameters"]
        seen = {"trial": first["trial"], "values": {"gloss": 71.5, "minutes": 12}, "uncertainty": 1.5}
        assert chemist.post(f"{here}/paint/observations", json=seen).json()["status"] == "observed"
        failed = {"trial": second["trial"], "failure": "the film cracked"}
        assert chemist.post(f"{here}/paint/observations", json=failed).json()["status"] == "failed"

        state = chemist.get(f"{here}/paint").json()
        assert state["best"] == [first["trial"]]
        assert [trial["failure"] for trial in state["trials"]] == ["", "the film cracked"]

        for wrong, status in [
            ({"trial": first["trial"], "values": {"gloss": 1}}, 422),
            ({"trial": 7, "values": {"gloss": 1}}, 422),
            ({"trial": 0}, 422),
        ]:
            assert chemist.post(f"{here}/paint/observations", json=wrong).status_code == status
        assert chemist.get(f"{here}/varnish").status_code == 404
        bad = SPEC | {"name": "bad", "parameters": {"x": {"type": "float", "low": 2, "high": 1}}}
        answer = chemist.post(here, json=bad)
        assert answer.status_code == 422
        assert "above high" in answer.json()["detail"]

        third = chemist.post(f"{here}/paint/suggestions").json()["trial"]
        chemist.post(f"{here}/paint/observations", json={"trial": third, "values": {"gloss": 60}})
        used_up = chemist.post(f"{here}/paint/suggestions")
        assert used_up.status_code == 422
        assert "budget of 3 trials is used up" in used_up.json()["detail"]
