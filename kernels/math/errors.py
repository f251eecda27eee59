"""Errors of compiled mathematics."""

from __future__ import annotations


class MathError(Exception):
    """Base of every error that this package raises on purpose."""


class CompileError(MathError, ValueError):
    """A formula holds something that cannot be compiled; the message names it."""


class DomainError(MathError, ValueError):
    """An argument lies outside what the routine is defined for."""


class ConvergenceError(MathError, ArithmeticError):
    """An iteration stopped before it reached the tolerance asked for."""


class NotInvertibleError(MathError, ZeroDivisionError):
    """A matrix or a residue has no inverse."""
