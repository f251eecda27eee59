"""Files as pages that run no script: for the viewer without a server, and for what is published."""

from hub.pages.files import render_file
from hub.pages.frame import document

__all__ = ["document", "render_file"]
