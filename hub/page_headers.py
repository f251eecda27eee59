"""Headers that every page carries: what it may load, who may frame it, what it tells other sites."""

from __future__ import annotations

HSTS_SECONDS = 31_536_000


def page_headers(is_https: bool, *, inline_scripts: bool = False, projects: str = "") -> dict[str, str]:
    """Return the headers of a page.

    Parameters
    ----------
    is_https
        Whether people reach the platform over TLS; browsers are then told to use nothing else.
    inline_scripts
        Whether the page has scripts of its own within it (the hub's pages, which stand alone).
    projects
        Source that stands for the projects' own origins, where they have some: the form of the sign-in page may lead on
        to one.
    """
    inline = " 'unsafe-inline'" if inline_scripts else ""
    forms = f"'self' {projects}".rstrip()
    policy = (
        f"default-src 'self'; script-src 'self'{inline}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        f"object-src 'none'; base-uri 'self'; form-action {forms}; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",  # one-time links stand in addresses
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    }
    return headers | ({"Strict-Transport-Security": f"max-age={HSTS_SECONDS}"} if is_https else {})
