"""First paint of the project list with 200 projects, in headless Chromium.

Run: python benchmarks/bench_first_paint.py [--quick]

A real platform, one person with 200 projects. Each visit is a fresh browser context: nothing is kept from the visit
before but the session's cookies. Measured in the page, from the beginning of the navigation: the first contentful
paint, and the moment when the rows of the list stand in the document. `again` is the second visit of a context, whose
files the browser has kept. Bytes are those that came over the network before the rows stood, compressed as they came.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, StorageState, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.conftest import CHROMIUM_FLAGS
from tests.e2e.browsing import sign_in
from tests.platform_under_test import PlatformUnderTest, chromium, free_port

PROJECTS = 200
BAR_SECONDS, BAR_BYTES = 1.0, 400_000
APP = "/services/collegium/"
WATCH = """
new MutationObserver((_changes, observer) => {
  if (document.querySelector(".project-row")) {
    window.rowsAt = performance.now();
    observer.disconnect();
  }
}).observe(document, { childList: true, subtree: true });
"""
READ = """() => ({
  rows: window.rowsAt,
  painted: performance.getEntriesByName("first-contentful-paint")[0].startTime,
  bytes: performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
    .filter((entry) => entry.startTime < window.rowsAt).reduce((sum, entry) => sum + entry.transferSize, 0),
})"""


@dataclass(frozen=True)
class Visit:
    """One visit; times in seconds from the beginning of the navigation."""

    painted_seconds: float
    rows_seconds: float
    transferred_bytes: int
    cpu_seconds: float  # of the page's main thread, which a busy machine makes no longer


def visit(context: BrowserContext, url: str) -> Visit:
    """Open the list and say when it stood."""
    page = context.new_page()
    page.add_init_script(WATCH)
    devtools = context.new_cdp_session(page)
    devtools.send("Performance.setTimeDomain", {"timeDomain": "threadTicks"})
    devtools.send("Performance.enable")
    page.goto(url)
    page.wait_for_selector(".project-row")
    page.wait_for_load_state("networkidle")
    found: Mapping[str, float] = page.evaluate(READ)
    metrics = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
    page.close()
    return Visit(found["painted"] / 1000, found["rows"] / 1000, int(found["bytes"]), metrics["TaskDuration"])


def measure(browser: Browser, platform: PlatformUnderTest, visits: int) -> tuple[list[Visit], list[Visit]]:
    """Return first visits and second ones."""
    signed_in = sign_in(browser, platform, "ada")
    state: StorageState = signed_in.context.storage_state()
    signed_in.context.close()
    first, again = [], []
    for _ in range(visits):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, storage_state=state)
        first.append(visit(context, platform.url + APP))
        again.append(visit(context, platform.url + APP))
        context.close()
    return first, again


def show(title: str, visits: list[Visit]) -> float:
    """Print a line; return the median of the moments when the rows stood."""
    painted = statistics.median(one.painted_seconds for one in visits)
    rows = [one.rows_seconds for one in visits]
    kilobytes = statistics.median(one.transferred_bytes for one in visits) / 1000
    cpu = statistics.median(one.cpu_seconds for one in visits)
    times = f"{painted:8.2f} s {statistics.median(rows):8.2f} s {max(rows):8.2f} s {cpu:8.2f} s"
    print(f"{title:12} {times} {kilobytes:8.0f} kB")
    return statistics.median(rows)


def main() -> None:
    """Measure and print; the exit status says whether the bars were met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="three visits instead of fifteen")
    visits = 3 if parser.parse_args().quick else 15
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        platform = PlatformUnderTest(
            Path(folder) / "data", free_port(), settings={"COLLEGIUM_RATE_LIMIT_PER_MINUTE": "0"}
        )
        platform.start()
        try:
            with closing(platform.client("ada")) as client:
                for number in range(PROJECTS):
                    project = {"name": f"Project {number:03}", "description": "Numbers and their properties."}
                    client.post("/projects", json=project).raise_for_status()
            browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
            first, again = measure(browser, platform, visits)
            browser.close()
        finally:
            platform.collegium("down")
    print(f"{'':12} {'painted':>10} {'rows':>10} {'longest':>10} {'CPU':>10} {'bytes':>11}")
    rows = show("first visit", first)
    show("again", again)
    loaded = max(one.transferred_bytes for one in first)
    met = rows <= BAR_SECONDS and loaded <= BAR_BYTES
    print(f"bar: rows within {BAR_SECONDS:.0f} s and {BAR_BYTES / 1000:.0f} kB: {'met' if met else 'missed'}")
    sys.exit(not met)


if __name__ == "__main__":
    main()
