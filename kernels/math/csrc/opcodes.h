/* The operations of a register program, once: UNARY(name), BINARY(name), OTHER(name). opcodes.py repeats the order
 * for the pure Python side; the extension refuses to import when the two differ. */
#pragma once
#define OPCODES(UNARY, BINARY, OTHER)                                                                                \
    UNARY(MOV) UNARY(NEG) UNARY(ABS) UNARY(SQRT) UNARY(EXP) UNARY(LOG) UNARY(SIN) UNARY(COS) UNARY(TAN)              \
    UNARY(SINH) UNARY(COSH) UNARY(TANH) UNARY(ASIN) UNARY(ACOS) UNARY(ATAN) UNARY(ASINH) UNARY(ACOSH) UNARY(ATANH)   \
    UNARY(ERF) UNARY(ERFC) UNARY(EXPM1) UNARY(LOG1P) UNARY(CBRT) UNARY(SIGN) UNARY(FLOOR) UNARY(CEIL) UNARY(NOT)     \
    UNARY(HEAVISIDE)                                                                                                 \
    BINARY(ADD) BINARY(SUB) BINARY(MUL) BINARY(DIV) BINARY(POW) BINARY(ATAN2) BINARY(MIN) BINARY(MAX) BINARY(MOD)    \
    BINARY(LT) BINARY(LE) BINARY(EQ) BINARY(NE) BINARY(AND) BINARY(OR)                                               \
    OTHER(FMA) OTHER(FMS) OTHER(FNMA) OTHER(SELECT) OTHER(POLY) OTHER(CALL1) OTHER(CALL2) OTHER(PYCALL)      \
    OTHER(RE) OTHER(IM) OTHER(CONJ) OTHER(ARG)
