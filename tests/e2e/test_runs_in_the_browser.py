"""The guide's pipeline in the browser: it fails in one region, is looked at, mended, resumed, compared, scheduled."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import sign_in
from tests.platform_under_test import PlatformUnderTest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "pipeline_training"
SCREENSHOTS = Path(os.environ.get("COLLEGIUM_SCREENSHOTS", ""))


def shoot(page: Page, name: str) -> None:
    """Keep a picture for the guide, where `COLLEGIUM_SCREENSHOTS` names a folder."""
    if SCREENSHOTS.name:
        page.wait_for_timeout(400)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=False)


def make_project(client: httpx.Client, platform: PlatformUnderTest) -> tuple[str, Path]:
    project = str(client.post("/projects", json={"name": "Weather"}).json()["id"])
    files = platform.data_dir / "projects" / project / "files"
    files.mkdir(parents=True, exist_ok=True)
    shutil.copytree(EXAMPLE, files / "training")
    shutil.copytree(EXAMPLE.with_name("pipeline_tuning"), files / "tuning")
    experiment = files / "tuning" / "experiment.yaml"
    experiment.write_text(experiment.read_text().replace("budget: 30", "budget: 12"))
    return project, files


def observe(client: httpx.Client, project: str) -> None:
    """An experiment with some observed trials, as a bench elsewhere makes them."""
    spec = {
        "name": "varnish",
        "parameters": {
            "pigment": {"type": "float", "low": 0, "high": 1},
            "binder": {"type": "int", "low": 1, "high": 5},
            "solvent": {"type": "categorical", "choices": ["water", "ethanol"]},
        },
        "metrics": [{"name": "gloss", "direction": "maximize"}],
        "budget": 30,
        "sampler": "random",
        "seed": 1,
    }
    here = f"/experiments/{project}"
    client.post(here, json=spec).raise_for_status()
    noise = random.Random(3)
    for _ in range(12):
        made = client.post(f"{here}/varnish/suggestions").json()
        x = made["parameters"]
        gloss = 80 - 60 * (x["pigment"] - 0.4) ** 2 - 3 * abs(x["binder"] - 3) + noise.uniform(-1, 1)
        seen = {"trial": made["trial"], "values": {"gloss": gloss}}
        client.post(f"{here}/varnish/observations", json=seen).raise_for_status()


def tell_and_trigger(page: Page, project: str) -> None:
    """Make an address that starts the pipeline, use it, have oneself told of failures, and take both back."""
    triggers, notices = page.get_by_role("region", name="Triggers"), page.get_by_role("region", name="Notices")
    expect(triggers.get_by_text("Nothing is started from elsewhere")).to_be_visible()
    page.get_by_role("button", name="Add trigger").click()
    page.get_by_role("button", name="Make address").click()
    address = page.get_by_label("Address").input_value()
    called = httpx.post(address, json={"idempotency_key": "build-1"}, trust_env=False)
    assert called.status_code == 202, called.text
    page.get_by_role("button", name="Done").click()
    expect(triggers.get_by_text("training/pipeline.yaml")).to_be_visible()

    page.get_by_role("button", name="Add notice").click()
    page.get_by_role("dialog").get_by_text("Webhook").click()
    page.get_by_label("Address").fill("https://127.0.0.1/hook")
    page.get_by_role("dialog").get_by_role("button", name="Add notice").click()
    expect(page.get_by_text("internal addresses are not sent")).to_be_visible()
    page.get_by_role("dialog").get_by_text("Mail").click()
    page.get_by_role("dialog").get_by_role("button", name="Add notice").click()
    expect(notices.get_by_text("by mail · a run fails")).to_be_visible()
    expect(triggers.get_by_text("used")).to_be_visible()  # the page looks again by itself
    shoot(page, "runs-by-themselves")
    for what in ("the trigger of training/pipeline.yaml", "the notice to weather"):
        page.get_by_role("button", name=f"Remove {what}").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(triggers.get_by_text("Nothing is started from elsewhere")).to_be_visible()
    expect(notices.get_by_text("Nobody is told")).to_be_visible()
    listed = page.request.get(f"{page.url.split('/projects/')[0]}/api/automation/{project}")
    assert listed.json()["triggers"] == []


def tune(page: Page) -> None:
    """Have the platform run the trials of an experiment, and look at one of them."""
    page.get_by_role("link", name="Experiments").click()
    page.get_by_role("button", name="Run experiment tuning").click()
    expect(page.get_by_role("heading", name="tuning")).to_be_visible()
    expect(page.get_by_text("Ended", exact=True)).to_be_visible()
    expect(page.get_by_text("12 of 12 trials observed")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("error of each trial"))).to_be_visible()
    page.evaluate("window.scrollTo(0, 0)")
    shoot(page, "experiment")
    page.get_by_role("link", name="Run of trial 0").click()
    expect(page.frame_locator("iframe.record-frame").get_by_text("gauss").first).to_be_visible()


@pytest.mark.e2e
def test_a_pipeline_is_run_mended_and_resumed_in_the_browser(platform: PlatformUnderTest, browser: Browser) -> None:
    with contextlib.closing(platform.client("weather")) as client:
        project, files = make_project(client, platform)
        observe(client, project)
    page = sign_in(browser, platform, "weather")
    page.goto(f"{platform.url}/services/collegium/projects/{project}")
    page.get_by_role("link", name="Runs").click()
    expect(page.get_by_text("No runs yet")).to_be_visible()

    page.get_by_role("button", name="New run").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Show plan").click()
    expect(dialog.get_by_label("Plan").get_by_text("has not run before").first).to_be_visible()
    dialog.get_by_role("button", name="Run", exact=True).click()

    expect(page.get_by_role("button", name=re.compile("Step load"))).to_be_visible()
    expect(page.get_by_text("Failed").first).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Step report: Blocked"))).to_be_visible()
    frame = page.frame_locator("iframe.record-frame")
    expect(frame.locator("#failing")).to_be_in_viewport()
    expect(frame.get_by_text("FileNotFoundError").first).to_be_visible()
    assert frame.locator("script").count() == 0
    page.evaluate("window.scrollTo(0, 0)")
    shoot(page, "run-failed")

    (files / "training" / "calibration" / "west.txt").write_text("1.02")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name=re.compile("Step report: Done"))).to_be_visible()
    page.get_by_role("button", name=re.compile("Step train")).press("Enter")  # by keyboard
    table = page.get_by_role("region", name="Results of train")
    expect(table.get_by_role("row")).to_have_count(4)  # the head and three regions
    table.get_by_role("button", name="rmse").click()
    expect(table.locator("th[aria-sort=ascending]")).to_have_text(re.compile("rmse"))
    shoot(page, "run-sweep")

    page.get_by_role("button", name="Run again").click()
    page.get_by_role("menuitem", name="From step report").click()
    expect(page.get_by_role("button", name=re.compile("Step report: Done"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Step load: Reused"))).to_be_visible()
    page.get_by_role("link", name="Runs").first.click()

    expect(page.get_by_role("table", name="Runs").get_by_text("Done")).to_have_count(2)
    for box in page.get_by_role("checkbox").all():
        box.check()
    shoot(page, "runs")
    page.get_by_role("link", name="Compare the two").click()
    expect(page.get_by_role("table", name="How each notebook ended")).to_be_visible()
    expect(page.locator(".compare-differs").first).to_be_visible()
    shoot(page, "runs-compared")

    page.goto(f"{platform.url}/services/collegium/projects/{project}/runs")
    page.get_by_role("button", name="Schedule").click()
    page.get_by_label("When").fill("every day")
    page.get_by_role("dialog").get_by_role("button", name="Schedule").click()
    expect(page.get_by_text("is not a schedule")).to_be_visible()
    page.get_by_label("When").fill("30 5 * * 1-5")
    page.get_by_role("dialog").get_by_role("button", name="Schedule").click()
    expect(page.get_by_text("30 5 * * 1-5")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("paused")).to_be_visible()
    tell_and_trigger(page, project)

    page.get_by_role("link", name="Experiments").click()
    page.get_by_role("link", name="varnish").click()
    expect(page.get_by_text("12 of 30 trials observed")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Parallel coordinates"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("gloss of each trial"))).to_be_visible()
    expect(page.get_by_role("img", name="Importance of each parameter")).to_be_visible()
    shoot(page, "experiment-elsewhere")
    tune(page)

    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{platform.url}/services/collegium/projects/{project}/runs")
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page is wider than a phone"
    shoot(page, "runs-phone-dark")
    page.context.close()
