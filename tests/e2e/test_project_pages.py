"""The pages of a project in a real browser: who can use them, on a desk and on a phone, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import PHONE, WIDE, accessible, keep_picture, sign_in
from tests.platform_under_test import PlatformUnderTest

pytestmark = pytest.mark.e2e
APP = "/services/collegium"
OCTETS = {"Content-Type": "application/octet-stream"}
NOTEBOOK = (
    b'{"cells": [{"cell_type": "markdown", "metadata": {}, "source": "# Prime numbers", "id": "a"}],'
    b' "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
)
FILES = {"primes.ipynb": NOTEBOOK, "data/counts.csv": b"n,primes\n10,4\n100,25\n", "README.md": b"# Primes\n"}
TABS = ["files", "people", "published", "activity", "usage", "settings"]
PICTURES = {"project-files", "project-settings", "project-files-phone"}


@dataclass(frozen=True)
class Owner:
    """Somebody with a project that has everything in it."""

    page: Page
    project: str


@pytest.fixture(scope="module")
def owner(browser: Browser, platform: PlatformUnderTest) -> Iterator[Owner]:
    platform.add_user("sophie", "Sophie Germain")
    platform.add_user("carl", "Carl Friedrich Gauß")
    with closing(platform.client("sophie")) as client:
        client.put("/me/password", json={"new": "three green owls"}).raise_for_status()
        about = {"name": "Prime numbers", "description": "How many there are, and where."}
        project = client.post("/projects", json=about).raise_for_status().json()["id"]
        for path, content in FILES.items():
            upload = f"/projects/{project}/upload?path={path}&size={len(content)}"
            client.put(upload, content=content, headers=OCTETS).raise_for_status()
        client.put(f"/projects/{project}/members/carl", json={"role": "editor"}).raise_for_status()
        client.post(f"/projects/{project}/invitations", json={"role": "viewer"}).raise_for_status()
        listed = {"path": "primes.ipynb", "title": "Counting primes", "is_listed": True}
        client.post(f"/projects/{project}/publications", json=listed).raise_for_status()
    page = sign_in(browser, platform, "sophie")
    yield Owner(page, project)
    page.context.close()


def visit(owner: Owner, address: str, heading: str, name: str) -> None:
    page = owner.page
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for size in (WIDE, PHONE):
            page.set_viewport_size(size)
            page.goto(address)
            expect(page.get_by_role("heading", name=heading, exact=True).first).to_be_visible()
            page.wait_for_load_state("networkidle")
            accessible(page)
            kind = ("-phone" if size == PHONE else "") + ("-dark" if scheme == "dark" else "")
            if name + kind in PICTURES:
                keep_picture(page, name + kind)


@pytest.mark.parametrize("tab", TABS)
def test_each_part_of_a_project_is_accessible_and_fits_a_phone(
    owner: Owner, platform: PlatformUnderTest, tab: str
) -> None:
    address = f"{platform.url}{APP}/projects/{owner.project}?tab={tab}"
    visit(owner, address, "Prime numbers", f"project-{tab}")


@pytest.mark.parametrize(("path", "heading"), [("/published", "Published"), ("/", "Projects")])
def test_lists_are_accessible_and_fit_a_phone(
    owner: Owner, platform: PlatformUnderTest, path: str, heading: str
) -> None:
    visit(owner, f"{platform.url}{APP}{path}", heading, path)
