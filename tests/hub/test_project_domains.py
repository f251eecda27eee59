"""The setting that gives each project a host of its own, and the routes that follow from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.host_routes import HostRoutes
from hub.page_headers import page_headers
from hub.project_domains import has_host_cookies, origins_of_projects, project_at, project_origin, server_address
from hub.settings import Settings, SettingsError, load

DOMAIN = "projects.example.org"
IDS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?", fullmatch=True)


def settings(**given: str) -> Settings:
    return Settings(**{"public_url": "https://notebooks.example.org:8443/", "wildcard_domain": DOMAIN} | given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("*.projects.example.org", "write it without the star: projects.example.org"),
        ("https://projects.example.org", "write the domain alone"),
        ("projects.example.org:8443", "write the domain alone"),
        ("projects", "no domain of at least two names"),
        ("10.0.0.1", "no domain of at least two names"),
        ("a..example.org", "no domain of at least two names"),
        ("-a.example.org", "no domain of at least two names"),
        ("example.org", "public_url has a host below it (notebooks.example.org)"),
    ],
)
def test_a_wrong_domain_is_answered_with_what_to_write(value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLEGIUM_PUBLIC_URL", "https://notebooks.example.org/")
    monkeypatch.setenv("COLLEGIUM_WILDCARD_DOMAIN", value)
    with pytest.raises(SettingsError) as caught:
        load()
    assert said in str(caught.value)
    assert "wildcard_domain" in str(caught.value).lower()


@pytest.mark.parametrize("value", [DOMAIN, "Projects.Example.ORG", "projects.localhost", "notebooks.example.org", ""])
def test_a_right_domain_is_taken(value: str) -> None:
    assert settings(wildcard_domain=value).wildcard_domain == value.lower()


def test_without_the_setting_nothing_changes() -> None:
    without = settings(wildcard_domain="")
    assert project_origin(without, "abc") == origins_of_projects(without) == ""
    assert server_address(without, "abc", "/user/projects/abc/") == "/user/projects/abc/"
    assert not has_host_cookies(without)
    assert page_headers(True) == page_headers(True, projects=origins_of_projects(without))


def test_scheme_and_port_are_those_of_the_platform() -> None:
    assert server_address(settings(), "abc", "/user/projects/abc/") == "https://abc.projects.example.org:8443/"
    assert has_host_cookies(settings())
    assert not has_host_cookies(settings(public_url="http://notebooks.example.org/"))
    policy = page_headers(True, projects=origins_of_projects(settings()))["Content-Security-Policy"]
    assert "form-action 'self' https://*.projects.example.org:8443;" in policy


@given(project=IDS)
def test_a_project_is_known_by_its_host(project: str) -> None:
    assert project_at(f"{project}.{DOMAIN}", DOMAIN) == project
    assert project_at(f"{project}.{DOMAIN}".upper(), DOMAIN) == project
    for host in (project, DOMAIN, f"{project}.x.{DOMAIN}", f"{project}.{DOMAIN}.", f"{project}.evil-{DOMAIN}"):
        assert project_at(host, DOMAIN) is None


@given(project=IDS)
def test_routes_come_back_as_they_were_given(project: str) -> None:
    routes = HostRoutes(platform_host="notebooks.example.org", wildcard_domain=DOMAIN)
    given = {
        "/": "/notebooks.example.org",
        "/services/collegium/": "/notebooks.example.org/services/collegium",
        "/user/": "/notebooks.example.org/user",
        f"/user/projects/{project}/": f"/{project}.{DOMAIN}",
    }
    for spec, path in given.items():
        assert routes._routespec_to_chp_path(spec) == path
        assert routes._routespec_from_chp_path(path) == spec


def test_the_platform_may_stand_at_the_domain_itself() -> None:
    routes = HostRoutes(platform_host=DOMAIN, wildcard_domain=DOMAIN)
    assert routes._routespec_from_chp_path(f"/{DOMAIN}") == "/"
    assert routes._routespec_from_chp_path(f"/abc.{DOMAIN}") == "/user/projects/abc/"
