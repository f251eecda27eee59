"""A full disk and hostile names: people are told, nothing is lost or let in, and no restart by hand is needed."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browsing import sign_in
from tests.platform_under_test import PlatformUnderTest

HOSTILE = '<img src=x onerror="window.taken=1"><script>window.taken=1</script>'
OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def ada(platform: PlatformUnderTest) -> Iterator[httpx.Client]:
    with closing(platform.client("weather-ada")) as client:
        yield client


@contextmanager
def full_disk(platform: PlatformUnderTest) -> Iterator[None]:
    """Let no file of the service grow."""
    [service] = [p for p in platform.processes() if p.cmdline()[-2:] == ["-m", "hub.service"]]
    process = psutil.Process(service.pid)
    before = process.rlimit(resource.RLIMIT_FSIZE)
    process.rlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        process.rlimit(resource.RLIMIT_FSIZE, before)


def test_on_a_full_disk_people_are_told_and_what_was_kept_stays(platform: PlatformUnderTest, ada: httpx.Client) -> None:
    project = ada.post("/projects", json={"name": "Before"}).raise_for_status().json()["id"]
    upload = f"/projects/{project}/upload?path=a.txt&size=5"
    with full_disk(platform):
        refused = [
            ada.post("/projects", json={"name": "Meanwhile"}),
            ada.patch(f"/projects/{project}", json={"name": "Changed"}),
            ada.put(upload, content=b"12345", headers=OCTETS),
        ]
        for answer in refused:
            assert answer.status_code == 503, answer.text
            problem = answer.json()
            assert problem["detail"]
            assert problem["request_id"] == answer.headers["X-Request-ID"]
        assert ada.get(f"/projects/{project}").json()["name"] == "Before", "reading must go on"
    assert ada.patch(f"/projects/{project}", json={"name": "After"}).json()["name"] == "After"
    ada.put(upload, content=b"12345", headers=OCTETS).raise_for_status()
    files = ada.get(f"/projects/{project}/files").json()["items"]
    assert [(file["name"], file["size_bytes"]) for file in files] == [("a.txt", 5)]
    names = {item["name"] for item in ada.get("/projects?limit=200").json()["items"]}
    assert "Meanwhile" not in names


def test_html_in_names_is_text_on_every_page(platform: PlatformUnderTest, browser: Browser, ada: httpx.Client) -> None:
    ada.patch("/me", json={"display_name": HOSTILE[:100]}).raise_for_status()
    project = ada.post("/projects", json={"name": HOSTILE[:120], "description": HOSTILE}).json()["id"]
    name = f"{HOSTILE.replace('/', '')[:60]}.txt"
    path = str(httpx.QueryParams({"path": name, "size": "1"}))
    ada.put(f"/projects/{project}/upload?{path}", content=b"x", headers=OCTETS).raise_for_status()
    invitation = ada.post(f"/projects/{project}/invitations", json={}).raise_for_status().json()
    page = sign_in(browser, platform, "weather-ada")
    try:
        base = f"{platform.url}/services/collegium"
        for address in ("/", f"/projects/{project}", f"/projects/{project}?tab=files"):
            page.goto(base + address)
            page.wait_for_load_state("networkidle")
            expect(page.get_by_text("onerror").first).to_be_attached()
            assert page.evaluate("window.taken === undefined")
            assert page.locator("img[src='x']").count() == 0
        page.goto(invitation["url"])
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.taken === undefined")
        assert page.locator("img[src='x']").count() == 0
    finally:
        page.context.close()
