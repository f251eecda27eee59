"""Fixtures for all tests: the real platform, the real browser."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from _pytest.reports import TestReport
from playwright.sync_api import Browser, expect, sync_playwright

from tests.platform_under_test import SLOW_MS, PlatformUnderTest, be_patient, chromium, free_port
from tests.postgresql import PostgreSql, postgresql

# A shell that runs the tests in the background has them ignore Ctrl-C, which some of them test.
signal.signal(signal.SIGINT, signal.default_int_handler)
# the default, one that is stopped after 5 s without work, one whose kernels may hold a GPU
PROFILES = '{"standard": {"title": "Standard"}, "brief": {"idle_minutes": 0.08}, "gpu": {"title": "GPU", "gpus": 1}}'
SETTINGS = {
    "COLLEGIUM_PROFILES": PROFILES,
    "COLLEGIUM_GPU_DEVICES": '["GPU-a", "GPU-b"]',
    "COLLEGIUM_GROUP_SYNC_SECONDS": "2",
}
RESULTS = Path("test-results")
expect.set_options(timeout=SLOW_MS)
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


LONGEST = ("web", "spawner")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders of the longest files: at the end, one process would have them and the others nothing."""
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformUnderTest]:
    """A running platform, shared by all tests that leave it running."""
    platform = PlatformUnderTest(
        tmp_path_factory.mktemp("platform"),
        free_port(),
        settings=SETTINGS,
    )
    platform.start()
    yield platform
    platform.collegium("down")


@pytest.fixture
def own_platform(tmp_path: Path) -> Iterator[PlatformUnderTest]:
    """An installation of the test's own, not started yet; whatever it started is ended."""
    platform = PlatformUnderTest(tmp_path / "data", free_port())
    yield platform
    platform.collegium("down", check=False)
    for process in platform.processes():
        process.kill()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSql]:
    """A running PostgreSQL."""
    # not below pytest's folder, which is closed to the user that the server runs as
    with TemporaryDirectory(prefix="collegium-postgresql-") as folder, postgresql(Path(folder)) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, once of each kind that the platform supports."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite'}"
    server: PostgreSql = request.getfixturevalue("postgresql_server")
    return server.url(server.new_database())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, TestReport, TestReport]:
    """Keep a picture of every open page of a browser test that fails."""
    report = yield
    browser = item.funcargs.get("browser") if isinstance(item, pytest.Function) else None
    if report.when == "call" and report.failed and isinstance(browser, Browser):
        RESULTS.mkdir(exist_ok=True)
        pages = [page for context in browser.contexts for page in context.pages]
        for number, page in enumerate(pages):
            page.screenshot(path=RESULTS / f"{item.name}-{number}.png")
    return report


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The distribution's Chromium.

    Playwright keeps an event loop running in this thread until it is closed, and no asynchronous test can run
    meanwhile: browser tests and asynchronous ones live in different modules.
    """
    with sync_playwright() as playwright:
        browser = be_patient(playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS))
        yield browser
        browser.close()
