"""Where the built web app lies."""

from pathlib import Path

WEB_APP = Path(__file__).parent.parent / "frontend" / "web" / "dist"
