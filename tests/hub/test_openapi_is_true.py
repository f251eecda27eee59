"""The OpenAPI document is true: requests made from it by schemathesis, sent to the running platform with tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import Failure, FailureGroup

from tests.hub.signing_in import ConfiguredPlatform
from tests.hub.test_account_permissions import bearer
from tests.platform_under_test import free_port

EXAMPLES = 3
SKIPPED = {
    "create_project",  # may copy from other servers
    "server_events",  # go on for as long as a server starts
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConfiguredPlatform]:
    """A platform of its own: what is sent here is nonsense, and some of it is taken."""
    target = ConfiguredPlatform(tmp_path_factory.mktemp("target"), free_port())
    target.settings = {"rate_limit_per_minute": "0", "sign_up": "invitation", "grading_workers": "0"}
    target.start()
    yield target
    target.collegium("down")


@pytest.mark.timeout(900)  # hundreds of requests, which a busy machine answers slowly
@pytest.mark.parametrize(
    ("who", "scopes"), [("admin", ("write", "courses", "admin")), ("student", ("write", "courses"))]
)
def test_every_operation_answers_as_the_document_says(
    target: ConfiguredPlatform, who: str, scopes: tuple[str, ...]
) -> None:
    with closing(target.client(who)) as person, bearer(target, person, *scopes) as client:
        token = client.headers["Authorization"]
    document = httpx.get(f"{target.api}/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    session = requests.Session()
    session.trust_env = False
    wrong: dict[str, str] = {}
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        described = operation.definition.raw
        if described["x-audience"] not in ("user", "admin", "anyone") or described["operationId"] in SKIPPED:
            continue
        if "text/event-stream" in str(described["responses"]):
            continue

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        )
        @given(case=operation.as_strategy())
        def attempt(case: schemathesis.Case) -> None:
            nonlocal tried
            tried += 1
            case.call_and_validate(
                base_url=target.api,
                session=session,
                headers={"Authorization": token},
                excluded_checks=[
                    # a made-up cursor, ETag or picture fits its schema and is refused nevertheless
                    schemathesis.checks.positive_data_acceptance,
                    # it spoils the cookie and leaves the token, either of which is enough; the role tables say
                    # what each operation answers to nobody
                    schemathesis.checks.ignored_auth,
                ],
            )

        try:
            attempt()
        except (FailureGroup, Failure) as error:
            wrong[operation.label] = str(error)[:1500]
    assert wrong == {}, "\n\n".join(f"{label}: {words}" for label, words in wrong.items())
    assert tried > 3 * EXAMPLES * 20
