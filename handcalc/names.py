"""Identifiers as mathematical symbols: Greek letters, subscripts, accents."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from handcalc.tex import text

_LOWER = [
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"),
    *("nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
]
_UPPER = ["Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega"]
_VARIANTS = ["varepsilon", "vartheta", "varpi", "varrho", "varsigma", "varphi", "hbar", "ell"]
# A capital that looks like a Latin one has no macro of its own in LaTeX; the upright Latin letter is what is printed.
_LATIN_CAPITALS = {
    "Alpha": "A",
    "Beta": "B",
    "Epsilon": "E",
    "Zeta": "Z",
    "Eta": "H",
    "Iota": "I",
    "Kappa": "K",
    "Mu": "M",
    "Nu": "N",
    "Omicron": "O",
    "Rho": "P",
    "Tau": "T",
    "Chi": "X",
}
GREEK: dict[str, str] = {
    **{name: f"\\{name}" for name in (*_LOWER, *_UPPER, *_VARIANTS)},
    **{name: rf"\mathrm{{{letter}}}" for name, letter in _LATIN_CAPITALS.items()},
    "omicron": r"\mathrm{o}",
}
_LETTERS: dict[str, str] = {
    **{
        unicodedata.lookup(f"GREEK SMALL LETTER {name.upper().replace('LAMBDA', 'LAMDA')}"): GREEK[name]
        for name in _LOWER
    },
    **{
        unicodedata.lookup(f"GREEK CAPITAL LETTER {name.upper().replace('LAMBDA', 'LAMDA')}"): macro
        for name, macro in GREEK.items()
        if name[0].isupper()
    },
    "ο": GREEK["omicron"],
    "ς": r"\varsigma",
    "ϕ": r"\phi",
    "ℏ": r"\hbar",
    "ℓ": r"\ell",
}
_ACCENTS = {
    "dot": "dot",
    "ddot": "ddot",
    "hat": "hat",
    "bar": "bar",
    "tilde": "tilde",
    "vec": "vec",
}


@lru_cache(maxsize=4096)
def symbol(name: str, *, greek: bool = True) -> str:
    r"""Return an identifier as a symbol.

    ``F_max`` is F with the upright subscript max, ``sigma_c_max`` σ with c,max, ``x_dot`` x with a dot,
    ``f_prime_c`` f′ with the subscript c, ``x1`` x with the subscript 1.

    Parameters
    ----------
    name : str
        A Python identifier.
    greek : bool
        Show names of Greek letters as letters.

    Returns
    -------
    str
        LaTeX that can take a superscript as it is.
    """
    stripped = name.rstrip("_") or name
    if stripped.startswith("_") or "__" in stripped:
        return rf"\mathtt{{{name.replace('_', chr(92) + '_')}}}" if name.isascii() else text(name, "texttt")
    base, *rest = stripped.split("_")
    shown, digits = _base(base, greek)
    primes = ""
    subscripts = [digits] if digits else []
    for part in rest:
        if part == "prime" and not subscripts:
            primes += "'"
        elif part in _ACCENTS and not subscripts:
            shown = rf"\{_ACCENTS[part]}{{{shown}}}"
        else:
            subscripts.append(_subscript(part, greek))
    if primes:
        shown = f"{{{shown}{primes}}}"
    if subscripts:
        shown = f"{shown}_{{{','.join(subscripts)}}}"
    return shown


def _base(part: str, greek: bool) -> tuple[str, str]:
    """Return the symbol of a name's first part and the digits at its end, which become a subscript."""
    if greek and part in GREEK:
        return GREEK[part], ""
    letters = part.rstrip("0123456789")
    digits = part[len(letters) :]
    if greek and letters in GREEK:
        return GREEK[letters], digits
    if len(letters) == 1:
        return _letter(letters), digits
    return _word(part, "mathit"), ""


def _subscript(part: str, greek: bool) -> str:
    if greek and part in GREEK:
        return GREEK[part]
    if len(part) == 1:
        return _letter(part)
    if part.isdecimal():
        return part
    return _word(part, "mathrm")


def _letter(letter: str) -> str:
    if letter in _LETTERS:
        return _LETTERS[letter]
    return letter if letter.isascii() else text(letter)


def _word(part: str, command: str) -> str:
    if part.isascii():
        return rf"\{command}{{{part}}}"
    if all(letter in _LETTERS or letter.isascii() for letter in part):
        return "{" + "".join(_LETTERS.get(letter, letter) for letter in part) + "}"
    return text(part)


class Namer:
    """Symbols of one rendering, no two names with the same one.

    It owns which symbol stands for which name. The first name to ask gets the usual symbol; a second name whose
    symbol would look the same (``x1`` after ``x_1``) is shown as it is written.
    """

    def __init__(self, *, greek: bool = True) -> None:
        self._greek = greek
        self._symbols: dict[str, str] = {}
        self._owners: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """Return the symbol of `name`."""
        known = self._symbols.get(name)
        if known is None:
            known = symbol(name, greek=self._greek)
            if not self.claim(known, name):
                known = text(name, "texttt")
            self._symbols[name] = known
        return known

    def of_self(self, attribute: str) -> str:
        """Return the symbol of an attribute of ``self``: its own name, unless that stands for something else."""
        key = f"self.{attribute}"
        known = self._symbols.get(key)
        if known is None:
            known = symbol(attribute, greek=self._greek)
            if not self.claim(known, key):
                known = rf"\mathit{{self}}.{known}"
            self._symbols[key] = known
        return known

    def claim(self, latex: str, owner: str) -> bool:
        """Take `latex` for `owner`; False when it already stands for something else."""
        return self._owners.setdefault(latex, owner) == owner
