"""The doctor finds what is wrong and says what to do."""

from __future__ import annotations

from tests.platform_under_test import PlatformUnderTest


def test_a_database_and_a_store_that_do_not_answer_are_found(own_platform: PlatformUnderTest) -> None:
    own_platform.settings = {
        "COLLEGIUM_DATABASE_URL": "postgresql+psycopg://collegium:very-secret@127.0.0.1:1/collegium",
        "COLLEGIUM_BLOB_STORE": "s3://there-is-none",
        "COLLEGIUM_S3_ENDPOINT_URL": "http://127.0.0.1:1",
        "COLLEGIUM_WILDCARD_DOMAIN": "projects.invalid",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "also-secret",
    }
    said = own_platform.collegium("doctor", check=False)
    assert said.returncode == 1
    assert "FAIL database" in said.stdout
    assert "FAIL blob store" in said.stdout
    assert "check database_url" in said.stdout
    assert "Add a wildcard entry *.projects.invalid to the DNS" in " ".join(said.stdout.split())
    assert "very-secret" not in said.stdout + said.stderr
    assert "also-secret" not in said.stdout + said.stderr


def test_a_machine_that_is_prepared_passes(own_platform: PlatformUnderTest) -> None:
    said = own_platform.collegium("doctor")
    assert "FAIL" not in said.stdout
    assert "ok   database" in said.stdout
