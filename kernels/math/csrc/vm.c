/* The two machines that run a register program: one number at a time, and blocks of numbers.
 * Compiled once per instruction set; LEVEL is the suffix of the names. */
#include "program.h"
#include "vecmath_more.h"

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)

static inline double floor_mod(double a, double b) {
    double r = fmod(a, b);
    return r != 0.0 && (r < 0.0) != (b < 0.0) ? r + b : r;
}
static inline double select_min(double a, double b) { return a != a ? a : (a < b ? a : b); }
static inline double select_max(double a, double b) { return a != a ? a : (a > b ? a : b); }
static inline double sign_of(double a) { return a > 0.0 ? 1.0 : a < 0.0 ? -1.0 : a; }
static inline double heaviside(double a) { return a > 0.0 ? 1.0 : a < 0.0 ? 0.0 : a == 0.0 ? 0.5 : a; }
static double polynomial(const double *c, int count, double x) {
    double p = c[count - 1];
    for (int k = count - 2; k >= 0; k--) p = FMA(p, x, c[k]);
    return p;
}
static int python_call(const program *p, const instruction *q, double x, double y, double z, double *result) {
    double args[3] = {x, y, z};
    return p->pycall(p->owner, q->f, args, 1 + (q->b >= 0) + (q->c >= 0), result);
}

/* what the plain operations compute from A, B and C */
#define PLAIN_UNARY(CASE)                                                                                            \
    CASE(MOV, A) CASE(NEG, -A) CASE(ABS, fabs(A)) CASE(SIGN, sign_of(A)) CASE(NOT, A == 0.0 ? 1.0 : 0.0)             \
    CASE(FLOOR, floor(A)) CASE(CEIL, ceil(A)) CASE(HEAVISIDE, heaviside(A)) CASE(ASIN, asin(A)) CASE(ACOS, acos(A))  \
    CASE(ASINH, asinh(A)) CASE(ACOSH, acosh(A)) CASE(ATANH, atanh(A)) CASE(ERFC, erfc(A)) CASE(EXPM1, expm1(A))      \
    CASE(LOG1P, log1p(A)) CASE(CBRT, cbrt(A)) CASE(SQRT, __builtin_sqrt(A))
#define KERNEL_UNARY(CASE)                                                                                           \
    CASE(EXP, exp, exp_one) CASE(LOG, log, log_one) CASE(SIN, sin, sin_one) CASE(COS, cos, cos_one)                  \
    CASE(TANH, tanh, tanh_one) CASE(TAN, tan, tan) CASE(SINH, sinh, sinh) CASE(COSH, cosh, cosh)                     \
    CASE(ATAN, atan, atan) CASE(ERF, erf, erf)
#define PLAIN_BINARY(CASE)                                                                                           \
    CASE(ADD, A + B) CASE(MUL, A * B) CASE(ATAN2, atan2(A, B))                     \
    CASE(MIN, select_min(A, B)) CASE(MAX, select_max(A, B)) CASE(MOD, floor_mod(A, B)) CASE(LT, A < B ? 1.0 : 0.0)   \
    CASE(LE, A <= B ? 1.0 : 0.0) CASE(EQ, A == B ? 1.0 : 0.0) CASE(NE, A != B ? 1.0 : 0.0)                           \
    CASE(AND, A != 0.0 && B != 0.0 ? 1.0 : 0.0) CASE(OR, A != 0.0 || B != 0.0 ? 1.0 : 0.0)
#define PLAIN_TERNARY(CASE) CASE(FMA, FMA(A, B, C)) CASE(FMS, FMA(A, B, -C)) CASE(FNMA, FMA(-A, B, C))

int JOIN(run_scalar, LEVEL)(const program *p, double *r) {
    const instruction *q = p->code, *end = q + p->length;
#define A r[q->a]
#define B r[q->b]
#define C r[q->c]
#define PLAIN_CASE(name, value) case OP_##name: r[q->d] = (value); break;
#define KERNEL_CASE(name, kernel, single) case OP_##name: r[q->d] = single(A); break;
    for (; q < end; q++) {
        switch (q->op) {
            PLAIN_UNARY(PLAIN_CASE)
            KERNEL_UNARY(KERNEL_CASE)
            PLAIN_BINARY(PLAIN_CASE)
        case OP_SUB: r[q->d] = A - B; break;
        case OP_DIV: r[q->d] = A / B; break;
            PLAIN_TERNARY(PLAIN_CASE)
        case OP_POW: r[q->d] = pow(A, B); break;
        case OP_SELECT: r[q->d] = A != 0.0 ? B : C; break;
        case OP_POLY: r[q->d] = polynomial(p->coefficients + q->f, q->c, A); break;
        case OP_CALL1: r[q->d] = ((function1)p->functions[q->f])(A, 0); break;
        case OP_CALL2: r[q->d] = ((function2)p->functions[q->f])(A, B, 0); break;
        default:
            if (python_call(p, q, A, q->b >= 0 ? B : 0.0, q->c >= 0 ? C : 0.0, &r[q->d])) return -1;
        }
    }
    return 0;
#undef A
#undef B
#undef C
}

/* The operations as functions, for machine code to call */
#define A x
#define B y
#define UNARY_FUNCTION(name, value) static double of_##name(double x) { return (value); }
#define KERNEL_FUNCTION(name, kernel, single) static double of_##name(double x) { return single(x); }
#define BINARY_FUNCTION(name, value) static double of_##name(double x, double y) { return (value); }
PLAIN_UNARY(UNARY_FUNCTION)
KERNEL_UNARY(KERNEL_FUNCTION)
PLAIN_BINARY(BINARY_FUNCTION)
static double of_POW(double x, double y) { return pow(x, y); }
#undef A
#undef B
#define FUNCTION_ENTRY(name, ...) [OP_##name] = (void *)of_##name,
void *const JOIN(functions, LEVEL)[OPCODE_COUNT] = {
    PLAIN_UNARY(FUNCTION_ENTRY) KERNEL_UNARY(FUNCTION_ENTRY) PLAIN_BINARY(FUNCTION_ENTRY) FUNCTION_ENTRY(POW)};

/* Blocks. A constant operand of a plain binary operation, or of the product or the sum of a fused one, is read
 * once and not as a block; the variants share one macro. */
#define EACH(expr) LOOP d[i] = (expr)
#define A a[i]
#define UNARY_BLOCK(name, value)                                                                                     \
    case OP_##name: EACH(value); break;
#define KERNEL_BLOCK(name, kernel, single)                                                                           \
    case OP_##name: k_##kernel(d, a, n); break;
#define BINARY_BLOCK(name, value)                                                                                    \
    case OP_##name:                                                                                                  \
        if (q->b < nc) {                                                                                             \
            const double B = p->values[q->b];                                                                        \
            EACH(value);                                                                                             \
        } else {                                                                                                     \
            EACH_B(value);                                                                                           \
        }                                                                                                            \
        break;
#define CONSTANT_FIRST(name, symbol)                                                                                 \
    case OP_##name:                                                                                                  \
        if (q->a < nc) {                                                                                             \
            const double first = p->values[q->a];                                                                    \
            EACH(first symbol b[i]);                                                                                 \
        } else if (q->b < nc) {                                                                                      \
            const double second = p->values[q->b];                                                                   \
            EACH(a[i] symbol second);                                                                                \
        } else {                                                                                                     \
            EACH(a[i] symbol b[i]);                                                                                  \
        }                                                                                                            \
        break;
#define EACH_B(value) LOOP { const double B = b[i]; d[i] = (value); }
#define TERNARY_BLOCK(name, value)                                                                                   \
    case OP_##name:                                                                                                  \
        if (q->b < nc && q->c < nc) {                                                                                \
            const double B = p->values[q->b], C = p->values[q->c];                                                   \
            EACH(value);                                                                                             \
        } else if (q->b < nc) {                                                                                      \
            const double B = p->values[q->b];                                                                        \
            LOOP { const double C = c[i]; d[i] = (value); }                                                          \
        } else if (q->c < nc) {                                                                                      \
            const double C = p->values[q->c];                                                                        \
            LOOP { const double B = b[i]; d[i] = (value); }                                                          \
        } else {                                                                                                     \
            LOOP { const double B = b[i], C = c[i]; d[i] = (value); }                                                \
        }                                                                                                            \
        break;

static void poly_block(double *d, const double *a, const double *c, int count, long n) {
    switch (count) {
#define POLY_COUNT(k) case k: LOOP d[i] = horner(c, k, a[i]); break;
        POLY_COUNT(3) POLY_COUNT(4) POLY_COUNT(5) POLY_COUNT(6) POLY_COUNT(7) POLY_COUNT(8) POLY_COUNT(9)
        POLY_COUNT(10) POLY_COUNT(11)
    default: {
        double x[LONG_BLOCK];
        memcpy(x, a, sizeof(double) * n);
        double top = c[count - 1];
        LOOP d[i] = top;
        for (int k = count - 2; k >= 0; k--) { double s = c[k]; LOOP d[i] = FMA(d[i], x[i], s); }
    }
    }
}

static int one_block(const program *p, double **R, long n) {
    const int nc = p->constants;
    const instruction *q = p->code, *end = q + p->length;
    for (; q < end; q++) {
        double *d = R[q->d];
        const double *a = R[q->a], *b = q->b >= 0 ? R[q->b] : a, *c = q->c >= 0 && q->op != OP_POLY ? R[q->c] : a;
        switch (q->op) {
            PLAIN_UNARY(UNARY_BLOCK)
            KERNEL_UNARY(KERNEL_BLOCK)
            PLAIN_BINARY(BINARY_BLOCK)
            CONSTANT_FIRST(SUB, -)
            CONSTANT_FIRST(DIV, /)
            PLAIN_TERNARY(TERNARY_BLOCK)
        case OP_POW: k_pow(d, a, b, n); break;
        case OP_SELECT: EACH(a[i] != 0.0 ? b[i] : c[i]); break;
        case OP_POLY: poly_block(d, a, p->coefficients + q->f, q->c, n); break;
        case OP_CALL1: for (long i = 0; i < n; i++) d[i] = ((function1)p->functions[q->f])(a[i], 0); break;
        case OP_CALL2: for (long i = 0; i < n; i++) d[i] = ((function2)p->functions[q->f])(a[i], b[i], 0); break;
        default:
            for (long i = 0; i < n; i++) if (python_call(p, q, a[i], b[i], c[i], &d[i])) return -1;
        }
    }
    return 0;
}
#undef A

int JOIN(run_blocks, LEVEL)(const program *p, const double *const *in, const char *is_scalar, double *const *out, long n,
                            double *scratch, double **R) {
    const int nc = p->constants, nv = p->inputs, first_out = p->registers - p->outputs;
    const long block = block_length(p), width = n < block ? n : block;
    for (int k = 0; k < p->registers; k++) R[k] = scratch + k * block;
    for (int k = 0; k < nc; k++)
        if (p->spread[k]) for (long i = 0; i < width; i++) R[k][i] = p->values[k];
    for (int k = 0; k < nv; k++)
        if (is_scalar[k]) for (long i = 0; i < width; i++) R[nc + k][i] = in[k][0];
    /* A short first block brings the result to a cache line; arrays of one size mostly share the offset. */
    long first = (long)((64 - ((uintptr_t)out[0] & 63)) & 63) / (long)sizeof(double), count;
    if (n < 4 * block || first == 0) first = block;
    for (long start = 0; start < n; start += count) {
        count = start ? block : first;
        if (count > n - start) count = n - start;
        for (int k = 0; k < nv; k++) if (!is_scalar[k]) R[nc + k] = (double *)in[k] + start;
        for (int k = 0; k < p->outputs; k++) R[first_out + k] = out[k] + start;
        if (one_block(p, R, count)) return -1;
    }
    return 0;
}
