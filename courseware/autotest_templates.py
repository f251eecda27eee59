"""The templates of generated tests: nbgrader's `autotests.yml`, read; and some for Python where there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from courseware.errors import FormatError

FILE_NAME = "autotests.yml"
_FIELD = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_MORE_THAN_FIELDS = re.compile(r"\{[%#]|\{\{(?!\s*\w+\s*\}\})")
_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class AutotestTemplates:
    """How a snippet becomes tests; the words are those of `autotests.yml`.

    Attributes
    ----------
    dispatch
        Expression whose value names the type of a snippet.
    normalize, hash
        Wrap an expression so that its value can be written down, or not be read from what is written down.
    check
        The test itself, of `snippet`, `value` and `message`.
    setup, success
        Code before the first and behind the last test of a cell; may be empty.
    by_type
        Type to pairs of an expression and the message when it differs.
    """

    dispatch: str
    normalize: str
    hash: str
    check: str
    setup: str
    success: str
    by_type: Mapping[str, tuple[tuple[str, str], ...]]

    def dispatch_code(self, snippet: str) -> str:
        """Return the expression for the type of a snippet."""
        return fill(self.dispatch, snippet=snippet)

    def checks(self, snippet: str, kind: str, salt: str | None) -> Iterator[tuple[str, str]]:
        """Yield the expression and the message of each test of a snippet; hashed with a salt.

        Raises
        ------
        FormatError
            There is no template for the type, or none for hashes.
        """
        if salt is not None and not self.hash:
            raise FormatError(f"{FILE_NAME} has no “hash”, which a HASHED AUTOTEST needs")
        for test, message in self.by_type.get(kind) or self.by_type[_DEFAULT]:
            expression = fill(self.normalize, snippet=test)
            if salt is not None:
                expression = fill(self.hash, snippet=expression, salt=salt)
            yield fill(expression, snippet=snippet), fill(message, snippet=snippet).replace('"', '\\"')

    def check_code(self, expression: str, value: str, message: str) -> str:
        """Return the line that tests an expression."""
        return fill(self.check, snippet=expression, value=value, message=message)


def fill(template: str, **values: str) -> str:
    """Return a template with its `{{fields}}` replaced; what is put in is not looked at again.

    Raises
    ------
    FormatError
        It asks for a field that there is not.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise FormatError(f"{FILE_NAME}: there is no field {match[0]} in {template!r}")
        return values[match[1]]

    return _FIELD.sub(value, template)


def templates_for(written: bytes | None, kernel: str) -> AutotestTemplates:
    """Return the templates for a kernel, from a file or, without one, those of this module.

    Raises
    ------
    FormatError
        The file has none for the kernel, or is not what nbgrader describes.
    """
    if written is None:
        return PYTHON_TEMPLATES
    try:
        content = yaml.safe_load(written)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FormatError(f"{FILE_NAME} is no YAML: {error}") from error
    names = [kernel, "python3", "python"]
    found = next((content[name] for name in names if name in content), None) if isinstance(content, dict) else None
    if not isinstance(found, dict):
        raise FormatError(f"{FILE_NAME} has no templates for the kernel {kernel!r}")
    return AutotestTemplates(
        dispatch=_text(found, "dispatch"),
        normalize=_text(found, "normalize"),
        hash=_text(found, "hash", is_needed=False),
        check=_text(found, "check"),
        setup=_text(found, "setup", is_needed=False),
        success=_text(found, "success", is_needed=False),
        by_type=_by_type(found.get("templates")),
    )


def _by_type(content: object) -> dict[str, tuple[tuple[str, str], ...]]:
    if not isinstance(content, dict) or _DEFAULT not in content:
        raise FormatError(f"{FILE_NAME} needs “templates” with an entry “{_DEFAULT}”")
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for kind, tests in content.items():
        if not isinstance(tests, list) or not all(isinstance(test, dict) for test in tests):
            raise FormatError(f"{FILE_NAME}: the templates of {kind!r} must be a list of “test” and “fail”")
        found[str(kind)] = tuple((_text(test, "test"), _text(test, "fail")) for test in tests)
    return found


def _text(content: Mapping[str, object], name: str, *, is_needed: bool = True) -> str:
    text = content.get(name)
    if text is None and not is_needed:
        return ""
    if not isinstance(text, str):
        raise FormatError(f"{FILE_NAME} needs a text for “{name}”")
    if _MORE_THAN_FIELDS.search(text):
        raise FormatError(f"{FILE_NAME}: “{name}” may hold fields such as {{{{snippet}}}}, no other markup: {text!r}")
    return text.removesuffix("\n")


def _sized(*more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    length = ("len({{snippet}})", "{{snippet}} has the wrong length")
    return (_TYPE, length, *more, _VALUE)


_TYPE = ("type({{snippet}})", "{{snippet}} is of the wrong type")
_VALUE = ("{{snippet}}", "{{snippet}} has the wrong value")
_ITEMS = ("sorted(map(str, {{snippet}}))", "{{snippet}} has the wrong elements")
PYTHON_TEMPLATES = AutotestTemplates(
    dispatch="type({{snippet}})",
    normalize="str({{snippet}})",
    hash='sha1({{snippet}}.encode("utf-8")+b"{{salt}}").hexdigest()',
    check='assert {{snippet}} == """{{value}}""", """{{message}}"""',
    setup="from hashlib import sha1",
    success="",
    by_type={
        _DEFAULT: (_TYPE, _VALUE),
        "float": (_TYPE, ("round({{snippet}}, 6)", "{{snippet}} has the wrong value")),
        "numpy.float64": (_TYPE, ("round(float({{snippet}}), 6)", "{{snippet}} has the wrong value")),
        "numpy.ndarray": (
            _TYPE,
            ("{{snippet}}.shape", "{{snippet}} has the wrong shape"),
            ("[round(x, 6) for x in {{snippet}}.ravel().tolist()]", "{{snippet}} has the wrong elements"),
        ),
        "list": _sized(_ITEMS),
        "tuple": _sized(_ITEMS),
        "set": (_TYPE, _ITEMS),
        "frozenset": (_TYPE, _ITEMS),
        "dict": (_TYPE, ("sorted(map(str, {{snippet}}.items()))", "{{snippet}} has the wrong entries")),
        "str": (_TYPE, ("{{snippet}}.lower()", "{{snippet}} has the wrong text"), _VALUE),
        "pandas.core.frame.DataFrame": (
            _TYPE,
            ("sorted(map(str, {{snippet}}.columns))", "{{snippet}} has the wrong columns"),
            ("{{snippet}}.reindex(sorted({{snippet}}.columns), axis=1).to_csv()", "{{snippet}} has the wrong contents"),
        ),
    },
)
"""For Python: of a float six decimals count, of a set or a dictionary the order does not."""
