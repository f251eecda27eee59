"""The comment lines that mark solutions, hidden tests and mark schemes inside a cell, as nbgrader has them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from courseware.errors import FormatError


@dataclass(frozen=True, slots=True)
class Marker:
    """A pair of texts; a line that contains one of them begins or ends a region."""

    name: str
    begin: str
    end: str


SOLUTION = Marker("solution", "BEGIN SOLUTION", "END SOLUTION")
HIDDEN_TESTS = Marker("hidden tests", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
MARK_SCHEME = Marker("mark scheme", "BEGIN MARK SCHEME", "END MARK SCHEME")

CODE_STUBS = {
    "python": "# YOUR CODE HERE\nraise NotImplementedError()",
    "R": "# YOUR CODE HERE\nfail()",
    "matlab": "% YOUR CODE HERE\nerror('No Answer Given!')",
    "octave": "% YOUR CODE HERE\nerror('No Answer Given!')",
    "sas": "/* YOUR CODE HERE */\n %notImplemented;",
    "java": "// YOUR CODE HERE",
}
"""What a student finds in place of the solution, by language of the kernel; the words of nbgrader."""

TEXT_STUB = "YOUR ANSWER HERE"
_ATTACHMENT = re.compile(r"!\[.*\]\(attachment:.+?\)")


@dataclass(frozen=True, slots=True)
class Cut:
    """A source with its regions taken out.

    Attributes
    ----------
    rest
        The source without the regions; where a stub was given, it stands in place of each.
    regions
        The lines inside the regions, one text each, without the marker lines.
    """

    rest: str
    regions: tuple[str, ...]

    @property
    def found(self) -> bool:
        """Whether there was any region."""
        return bool(self.regions)


def cut(source: str, marker: Marker, stub: str | None = None) -> Cut:
    """Take the regions of a marker out of a source.

    Parameters
    ----------
    source
        Text of a cell.
    marker
        Which regions.
    stub
        What to put in place of each, indented like its first marker line.

    Raises
    ------
    FormatError
        A region begins inside another, or does not end.
    """
    kept: list[str] = []
    regions: list[str] = []
    inside: list[str] | None = None
    for line in source.split("\n"):
        if marker.begin in line:
            if inside is not None:
                raise FormatError(f"a {marker.name} region begins inside another: {line.strip()!r}")
            inside = []
            if stub is not None:
                indent = line[: len(line) - len(line.lstrip())]
                kept.extend(indent + stub_line for stub_line in stub.split("\n"))
        elif marker.end in line:
            if inside is not None:
                regions.append("\n".join(inside))
            inside = None
        elif inside is not None:
            inside.append(line)
        else:
            kept.append(line)
    if inside is not None:
        raise FormatError(f"a {marker.name} region has no line with {marker.end!r}")
    return Cut("\n".join(kept), tuple(regions))


def has_attachment(text: str) -> bool:
    """Return whether Markdown shows an attachment, which would stay in the cell's metadata when the text is cut."""
    return _ATTACHMENT.search(text) is not None
