"""The whole platform on PostgreSQL: it works there, and lives through the database going away and coming back."""

from __future__ import annotations

import time

from tests.platform_under_test import PlatformUnderTest
from tests.postgresql import PostgreSql

BACK_SECONDS = 180


def test_the_database_goes_away_and_comes_back_without_a_hand(
    own_platform: PlatformUnderTest, postgresql_server: PostgreSql
) -> None:
    hubs = postgresql_server.new_database()
    own_platform.settings = {
        "COLLEGIUM_DATABASE_URL": postgresql_server.url(postgresql_server.new_database()),
        "COLLEGIUM_HUB_DATABASE_URL": postgresql_server.url(hubs),
    }
    own_platform.start()
    _the_hub_takes_nobody_for_a_stranger(own_platform, postgresql_server, hubs)
    client = own_platform.client("ada")
    made = client.post("/projects", json={"name": "Before"}).raise_for_status().json()

    postgresql_server.stop()
    try:
        away = client.post("/projects", json={"name": "Meanwhile"})
        assert away.status_code == 503
        assert away.headers["content-type"] == "application/problem+json"
        assert "try again" in away.json()["detail"]
        assert client.get(f"{own_platform.url}/services/collegium/health").status_code == 200
        ready = client.get(f"{own_platform.url}/services/collegium/ready")
        assert ready.status_code == 503
        assert ready.json()["parts"]["database"] is False
    finally:
        postgresql_server.start()

    deadline = time.monotonic() + BACK_SECONDS
    while (answer := client.get("/projects")).status_code != 200:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)
    assert [project["id"] for project in answer.json()["items"]] == [made["id"]]
    assert client.post("/projects", json={"name": "After"}).status_code == 201


def _the_hub_takes_nobody_for_a_stranger(platform: PlatformUnderTest, server: PostgreSql, hubs: str) -> None:
    """Whoever asks first after its connections were cut is known, and so is whoever is asked about."""
    token = (platform.data_dir / "secrets" / "service").read_text().strip()
    with platform.http(headers={"Authorization": f"token {token}"}) as service:
        for _ in range(3):
            answer = service.get(f"{platform.url}/hub/api/users/projects")
            assert answer.status_code == 200, answer.text
            assert server.end_connections(hubs) > 0
