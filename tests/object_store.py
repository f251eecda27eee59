"""A real S3-compatible object store for the tests: rclone serving a folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.platform_under_test import free_port

RCLONE = Path(sys.executable).parent / "rclone"
START_TIMEOUT_SECONDS = 120
BUCKET = "collegium-test"
ACCESS_KEY, SECRET_KEY = "access-key-of-a-test", "secret-key-of-a-test"


@dataclass
class ObjectStore:
    """A running store; its objects lie in `folder`, so that tests can look and damage."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self) -> None:
        command = [RCLONE, "serve", "s3", "--config", os.devnull, "--addr", f"127.0.0.1:{self.port}"]
        (self.folder / BUCKET).mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [*command, "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--vfs-cache-mode", "off", self.folder],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while True:
            try:
                httpx.get(self.url, trust_env=False)
                return
            except httpx.TransportError:
                assert time.monotonic() < deadline, "the object store did not start"
                time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """Run a store over a folder."""
    store = ObjectStore(folder)
    store.start()
    try:
        yield store
    finally:
        store.stop()
