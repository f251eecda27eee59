/* The machine for complex registers: one number at a time, with the C library's complex functions. */
#include <complex.h>
#include <math.h>

#include "program.h"

typedef double complex number;

static number power(number a, number b) {
    if (a == 0.0) return b == 0.0 ? 1.0 : creal(b) > 0.0 ? 0.0 : NAN;
    return cpow(a, b);
}
static number quotient(number a, number b) { return a / b; }
static number product(number a, number b) {
    double ar = creal(a), ai = cimag(a), br = creal(b), bi = cimag(b);
    return CMPLX(ar * br - ai * bi, ar * bi + ai * br);
}

#define UNARY_CASES(CASE)                                                                                            \
    CASE(MOV, A) CASE(NEG, -A) CASE(ABS, cabs(A)) CASE(SQRT, csqrt(A)) CASE(EXP, cexp(A)) CASE(LOG, clog(A))         \
    CASE(SIN, csin(A)) CASE(COS, ccos(A)) CASE(TAN, ctan(A)) CASE(SINH, csinh(A)) CASE(COSH, ccosh(A))               \
    CASE(TANH, ctanh(A)) CASE(ASIN, casin(A)) CASE(ACOS, cacos(A)) CASE(ATAN, catan(A)) CASE(ASINH, casinh(A))       \
    CASE(ACOSH, cacosh(A)) CASE(ATANH, catanh(A)) CASE(RE, creal(A)) CASE(IM, cimag(A)) CASE(CONJ, conj(A))          \
    CASE(ARG, carg(A))

int run_complex(const program *p, double *registers) {
    number *r = (number *)registers;
    const number *coefficients = (const number *)p->coefficients;
    const instruction *q = p->code, *end = q + p->length;
#define A r[q->a]
#define B r[q->b]
#define C r[q->c]
#define CASE(name, value) case OP_##name: r[q->d] = (value); break;
    for (; q < end; q++) {
        switch (q->op) {
            UNARY_CASES(CASE)
            CASE(ADD, A + B) CASE(SUB, A - B) CASE(MUL, product(A, B)) CASE(DIV, quotient(A, B)) CASE(POW, power(A, B))
            CASE(FMA, product(A, B) + C) CASE(FMS, product(A, B) - C) CASE(FNMA, C - product(A, B))
        case OP_POLY: {
            number x = A, sum = coefficients[q->f + q->c - 1];
            for (int k = q->c - 2; k >= 0; k--) sum = product(sum, x) + coefficients[q->f + k];
            r[q->d] = sum;
            break;
        }
        default: {
            number args[3] = {A, q->b >= 0 ? B : 0.0, q->c >= 0 ? C : 0.0}, result;
            if (p->pycall(p->owner, q->f, (double *)args, 1 + (q->b >= 0) + (q->c >= 0), (double *)&result)) return -1;
            r[q->d] = result;
        }
        }
    }
    return 0;
}
