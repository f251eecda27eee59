"""How a rendering looks: one frozen record, with defaults for the session, the cell and the line."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from handcalc.errors import OptionError

_CHOICES: dict[str, tuple[str, ...]] = {
    "layout": ("auto", "long", "short", "symbolic", "params", "result"),
    "rounding": ("significant", "decimals"),
    "notation": ("auto", "sci", "eng", "fixed"),
    "decimal_separator": (".", ","),
    "digit_grouping": ("none", "space", "comma", "point", "apostrophe"),
    "multiplication": ("dot", "cross", "space"),
    "imaginary_unit": ("i", "j"),
}
_RANGES: dict[str, tuple[int, int]] = {
    "precision": (0, 17),
    "loop_limit": (0, 1000),
    "max_items": (2, 1000),
    "max_length": (100, 1_000_000),
    "line_width": (20, 1000),
    "columns": (1, 8),
}


@dataclass(frozen=True, slots=True)
class Options:
    r"""How calculations are shown.

    Attributes
    ----------
    layout : str
        ``auto`` puts a row on one line when it fits and on several when not; ``short`` and ``long`` force one of
        them; ``symbolic`` shows the formula alone; ``params`` shows name = value in columns; ``result`` shows
        name = result.
    precision : int
        Significant figures of a value that was computed, or decimals, see `rounding`. A whole part is never cut:
        12345.6 at 3 figures is 12346.
    rounding : str
        ``significant`` or ``decimals``. With either, a value that is not zero is never shown as zero.
    notation : str
        ``auto`` uses a power of ten outside 1e-3 .. 1e6, ``sci`` always, ``eng`` always with an exponent that is
        a multiple of three, ``fixed`` never (except where a non-zero value would be shown as zero).
    trailing_zeros : bool
        Keep the zeros that fill up the precision: 2.500 rather than 2.5.
    approximate : bool
        Write ≈ instead of = before a result that was rounded.
    decimal_separator : str
        ``.`` or ``,``.
    digit_grouping : str
        What stands between groups of three digits of a whole part with five digits or more: ``none``, ``space``,
        ``comma``, ``point``, ``apostrophe``.
    multiplication : str
        The sign of a product: ``dot``, ``cross`` or ``space``; a number on the right always gets a sign.
    imaginary_unit : str
        ``i`` or ``j``.
    greek : bool
        Show names of Greek letters as letters.
    substitute : bool
        Show the line with the numbers put in.
    loop_limit : int
        How many iterations of a loop are shown before the rest is left out.
    max_items : int
        Entries shown of a row, column, list, set or dictionary before the rest is left out.
    max_length : int
        LaTeX characters of one form of a row before it is replaced by its elided source.
    line_width : int
        Width in characters that ``auto`` takes for one line.
    columns : int
        Columns of the ``params`` layout.
    number : bool
        Number every equation.
    unit : str or None
        Display unit of the result, for values that can convert (pint, astropy, forallpeople).
    """

    layout: str = "auto"
    precision: int = 4
    rounding: str = "significant"
    notation: str = "auto"
    trailing_zeros: bool = False
    approximate: bool = False
    decimal_separator: str = "."
    digit_grouping: str = "none"
    multiplication: str = "dot"
    imaginary_unit: str = "i"
    greek: bool = True
    substitute: bool = True
    loop_limit: int = 10
    max_items: int = 12
    max_length: int = 20_000
    line_width: int = 90
    columns: int = 3
    number: bool = False
    unit: str | None = None

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise OptionError(f"{name} is {value!r}; it is one of {', '.join(choices)}")
        marks = {"comma": ",", "point": "."}
        if marks.get(self.digit_grouping) == self.decimal_separator:
            raise OptionError(f"{self.decimal_separator!r} cannot be both decimal_separator and digit_grouping")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise OptionError(f"{name} is {value!r}; it is a whole number from {low} to {high}")


_TYPES: dict[str, str] = {name: str(kind) for name, kind in Options.__annotations__.items()}
_WORDS: dict[str, dict[str, object]] = {
    **{word: {"layout": word} for word in _CHOICES["layout"]},
    **{word: {"notation": word} for word in ("sci", "eng", "fixed")},
    "parameters": {"layout": "params"},
    "sci_not": {"notation": "sci"},
    "decimals": {"rounding": "decimals"},
    "significant": {"rounding": "significant"},
    "number": {"number": True},
}
_default = Options()


def get() -> Options:
    """Return the session's default options."""
    return _default


def set(**changes: object) -> Options:
    """Change the session's default options.

    Parameters
    ----------
    **changes
        Names and values of `Options`.

    Returns
    -------
    Options
        The new defaults.

    Raises
    ------
    OptionError
        If a name is unknown or a value is out of its range.
    """
    global _default
    _default = merged(_default, changes)
    return _default


def reset() -> Options:
    """Put the session's default options back to how handcalc ships them."""
    global _default
    _default = Options()
    return _default


def merged(options: Options, changes: dict[str, object]) -> Options:
    """Return `options` with `changes`.

    Raises
    ------
    OptionError
        If a name is unknown or a value is out of its range.
    """
    if not changes:
        return options
    valid = [field.name for field in fields(Options)]
    for name in changes:
        if name not in valid:
            raise OptionError(f"unknown option {name!r}{_nearest(name, valid)}; options are {', '.join(valid)}")
    return replace(options, **changes)  # type: ignore[arg-type]


def from_words(words: list[str]) -> dict[str, object]:
    """Read options as they are written on a magic's line or after ``#!``.

    Parameters
    ----------
    words : list of str
        Layouts and notations (``long``, ``sci``), a bare number for the precision, or ``name=value``.

    Returns
    -------
    dict
        Names and values of `Options`.

    Raises
    ------
    OptionError
        If a word is unknown, or two words set the same option differently; the message lists the valid words.
    """
    changes: dict[str, object] = {}
    for word in words:
        for name, value in _one_word(word).items():
            if changes.get(name, value) != value:
                raise OptionError(f"{word!r} sets {name} to {value!r}, but it was already {changes[name]!r}")
            changes[name] = value
    return changes


def _one_word(word: str) -> dict[str, object]:
    if word.isdecimal():
        return {"precision": int(word)}
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    name, sign, value = word.partition("=")
    if sign and name in _TYPES:
        return {name: _converted(name, value)}
    valid = [*_WORDS, "a whole number (precision)", *(f"{name}=…" for name in _TYPES)]
    raise OptionError(f"unknown word {word!r}{_nearest(word, [*_WORDS, *_TYPES])}; valid words are {', '.join(valid)}")


def _converted(name: str, value: str) -> object:
    wanted = _TYPES[name]
    if wanted == "bool":
        if value.lower() in ("true", "yes", "on", "1"):
            return True
        if value.lower() in ("false", "no", "off", "0"):
            return False
        raise OptionError(f"{name}={value!r} is neither true nor false")
    if wanted == "int":
        if not value.isdecimal():
            raise OptionError(f"{name}={value!r} is not a whole number")
        return int(value)
    if "None" in wanted and value.lower() in ("", "none"):
        return None
    return value


def _nearest(word: str, valid: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(word.lower(), valid, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
