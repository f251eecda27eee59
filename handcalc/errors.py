"""Errors that handcalc raises on purpose."""


class HandcalcError(Exception):
    """Base of every error that handcalc raises on purpose."""


class OptionError(HandcalcError, ValueError):
    """An option, magic word or line directive is unknown, ambiguous or out of range."""


class ReportError(HandcalcError):
    """A report could not be written: unknown format, or the program that makes it is not installed."""
