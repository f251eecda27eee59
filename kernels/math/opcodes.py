"""Operations of a register program, in the order of ``csrc/opcodes.h``."""

from __future__ import annotations

from enum import IntEnum


class Op(IntEnum):
    """An operation; ``INPUT`` and ``CONST`` name the leaves of a formula's graph and are never run."""

    INPUT = -2
    CONST = -1
    MOV = 0
    NEG = 1
    ABS = 2
    SQRT = 3
    EXP = 4
    LOG = 5
    SIN = 6
    COS = 7
    TAN = 8
    SINH = 9
    COSH = 10
    TANH = 11
    ASIN = 12
    ACOS = 13
    ATAN = 14
    ASINH = 15
    ACOSH = 16
    ATANH = 17
    ERF = 18
    ERFC = 19
    EXPM1 = 20
    LOG1P = 21
    CBRT = 22
    SIGN = 23
    FLOOR = 24
    CEIL = 25
    NOT = 26
    HEAVISIDE = 27
    ADD = 28
    SUB = 29
    MUL = 30
    DIV = 31
    POW = 32
    ATAN2 = 33
    MIN = 34
    MAX = 35
    MOD = 36
    LT = 37
    LE = 38
    EQ = 39
    NE = 40
    AND = 41
    OR = 42
    FMA = 43
    FMS = 44
    FNMA = 45
    SELECT = 46
    POLY = 47
    CALL1 = 48
    CALL2 = 49
    PYCALL = 50
    RE = 51
    IM = 52
    CONJ = 53
    ARG = 54


NAMES: tuple[str, ...] = tuple(op.name for op in Op if op >= 0)
REAL_ONLY = frozenset(
    {Op.ERF, Op.ERFC, Op.SIGN, Op.FLOOR, Op.CEIL, Op.HEAVISIDE, Op.ATAN2, Op.MIN, Op.MAX, Op.MOD, Op.LT, Op.LE,
     Op.EQ, Op.NE, Op.AND, Op.OR, Op.NOT, Op.SELECT, Op.CALL1, Op.CALL2}
)  # fmt: skip
COMMUTATIVE = frozenset({Op.ADD, Op.MUL, Op.MIN, Op.MAX, Op.EQ, Op.NE, Op.AND, Op.OR})
