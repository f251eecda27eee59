"""Command line: ``python -m handcalc file.py|file.ipynb -o report.html``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from handcalc import options as options_module
from handcalc.errors import HandcalcError
from handcalc.report import FORMATS, export_report


def main(arguments: list[str] | None = None) -> int:
    """Write a report; returns the exit status."""
    parser = argparse.ArgumentParser(prog="handcalc", description="Write a calculation as a document without its code.")
    parser.add_argument("source", type=Path, help="a Python script or a notebook")
    parser.add_argument("-o", "--output", type=Path, help=f"the document: {', '.join(FORMATS)}")
    parser.add_argument("-t", "--title", help="the document's title")
    parser.add_argument("words", nargs="*", help="options as on %%%%render: long, short, 3, sci, decimal_separator=, …")
    given = parser.parse_intermixed_args(arguments)
    output = given.output or given.source.with_suffix(".html")
    try:
        options = options_module.merged(options_module.get(), options_module.from_words(given.words))
        print(export_report(given.source, output, title=given.title, options=options))
    except HandcalcError as error:
        print(f"handcalc: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
