/* Vector kernels: exp, log, sin, cos, tan and square root over arrays of doubles.
 *
 * One source for every instruction set: loops without branches that the compiler turns into SIMD code. The file
 * that includes this one is compiled with -ffp-contract=off, so that error-free transformations stay exact and
 * fused multiply-adds stand only where FMA() says so. Destination and source may be the same array.
 */
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "coefficients.h"

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define HAVE_FMA 1
#define FMA(a, b, c) __builtin_fma((a), (b), (c))
#else
#define HAVE_FMA 0
#define FMA(a, b, c) ((a) * (b) + (c))
#endif
#define LOOP _Pragma("GCC ivdep") for (long i = 0; i < n; i++)
#define ROUND_MAGIC 0x1.8p52

static inline uint64_t bits_of(double x) {
    uint64_t u;
    memcpy(&u, &x, 8);
    return u;
}
static inline double double_of(uint64_t u) {
    double x;
    memcpy(&x, &u, 8);
    return x;
}

/* sum of c[k] z^k; unrolled because count is a constant at every call */
static inline __attribute__((always_inline)) double horner(const double *c, int count, double z) {
    double p = c[count - 1];
#pragma GCC unroll 24
    for (int k = count - 2; k >= 0; k--) p = FMA(p, z, c[k]);
    return p;
}
#define HORNER(NAME, z) horner(NAME##_C, (int)(sizeof(NAME##_C) / sizeof(double)), z)

/* 2**k for an integral double |k| <= 1022 */
static inline double power_of_two(double k) { return double_of(bits_of(k + (ROUND_MAGIC + 1023.0)) << 52); }

/* exp(hi + lo) for |lo| far below ulp(hi). x = k ln2 + r; exp(r) = 1 + r + r*r*q(r). The rounding error of r is
 * carried along, and the scale is applied in two factors so that denormal results and overflow come out right. */
static inline __attribute__((always_inline)) double exp_core_tail(double x, double lo, int has_lo) {
    double c = x > 710.0 ? 710.0 : x;
    c = c < -746.0 ? -746.0 : c;
    double k = FMA(c, 0x1.71547652b82fep+0, ROUND_MAGIC) - ROUND_MAGIC;
    double hi = FMA(-k, 0x1.62e42fee00000p-1, c);
    double tail = k * 0x1.a39ef35793c76p-33;
    double r = hi - tail;
    double rlo = (hi - r) - tail, t = r;
    if (has_lo) { /* a long tail goes into the argument, so that only its own rounding is left to be added */
        rlo += lo;
        t = r + rlo;
        rlo -= t - r;
    }
    double p = 1.0 + (t + FMA(t * t, HORNER(EXP, t), rlo));
    double half = FMA(k, 0.5, ROUND_MAGIC) - ROUND_MAGIC;
    return p * power_of_two(half) * power_of_two(k - half);
}

static inline __attribute__((always_inline)) double exp_core(double x, double lo) { return exp_core_tail(x, lo, 1); }

/* The same bits for |x| <= EXP_NORMAL, where the result is normal: the scale is added to the exponent. */
#define EXP_NORMAL 708.0
static inline __attribute__((always_inline)) double exp_normal(double x) {
    double shifted = FMA(x, 0x1.71547652b82fep+0, ROUND_MAGIC), k = shifted - ROUND_MAGIC;
    double hi = FMA(-k, 0x1.62e42fee00000p-1, x);
    double tail = k * 0x1.a39ef35793c76p-33;
    double r = hi - tail;
    double p = 1.0 + (r + FMA(r * r, HORNER(EXP, r), (hi - r) - tail));
    return double_of(bits_of(p) + (bits_of(shifted) << 52));
}
/* whether all of a[0..n) lie between low and high */
static inline int all_within(const double *a, long n, double low, double high) {
    long outside = 0;
    for (long i = 0; i < n; i++) outside |= !(a[i] >= low && a[i] <= high);
    return outside == 0;
}

static void k_exp(double *d, const double *a, long n) {
    if (all_within(a, n, -EXP_NORMAL, EXP_NORMAL)) {
        LOOP d[i] = exp_normal(a[i]);
    } else {
        LOOP d[i] = exp_core_tail(a[i], 0.0, 0);
    }
}

/* normal x = 2^k m with m in [sqrt(1/2), sqrt(2)); returns m - 1 exactly and k */
static inline __attribute__((always_inline)) double log_split_normal(double x, double *k) {
    uint64_t u = bits_of(x) - 0x3fe6a09e667f3bcdULL + (1023ULL << 52);
    uint64_t e = u >> 52;
    *k = double_of(e | 0x4330000000000000ULL) - (0x1p52 + 1023.0);
    return double_of(bits_of(x) - ((e - 1023ULL) << 52)) - 1.0;
}
/* the same for any x > 0: denormals are scaled first */
static inline __attribute__((always_inline)) double log_split(double x, double *k) {
    double tiny = x < 0x1p-1022 ? 1.0 : 0.0;
    double f = log_split_normal(tiny != 0.0 ? x * 0x1p54 : x, k);
    *k -= 54.0 * tiny;
    return f;
}
static inline __attribute__((always_inline)) double log_special(double x, double y) {
    double r = x == 0.0 ? -INFINITY : y;
    r = x == INFINITY ? INFINITY : r;
    r = x < 0.0 ? NAN : r;
    return x != x ? x : r;
}
/* log(1+f) = f - (f*f/2 - s*(f*f/2 + z g(z))), s = f/(2+f), z = s*s */
static inline __attribute__((always_inline)) double log_of(double f, double k) {
    double s = f / (2.0 + f), z = s * s;
    double half = 0.5 * f * f;
    double rest = s * (half + z * HORNER(LOG, z));
    double low = FMA(k, 0x1.a39ef35793c76p-33, rest);
    return FMA(k, 0x1.62e42fee00000p-1, f - (half - low));
}
static void k_log(double *d, const double *a, long n) {
    if (all_within(a, n, 0x1p-1022, 0x1.fffffffffffffp1023)) {
        LOOP {
            double k, f = log_split_normal(a[i], &k);
            d[i] = log_of(f, k);
        }
    } else {
        LOOP {
            double x = a[i], k, f = log_split(x, &k);
            d[i] = log_special(x, log_of(f, k));
        }
    }
}

/* Reduction of x by multiples of pi/2 in three 32-bit parts and a tail (Cody and Waite); exact products for
 * |k| < 2^21. Returns hi, sets lo and the quadrant. Beyond TRIG_LIMIT the C library takes the block. */
#define TRIG_LIMIT 1.0e6
static inline __attribute__((always_inline)) double reduce(double x, double *lo, uint64_t *quadrant) {
    double kb = FMA(x, 0x1.45f306dc9c883p-1, ROUND_MAGIC);
    double k = kb - ROUND_MAGIC;
    *quadrant = bits_of(kb);
    double t = x - k * 0x1.921fb54400000p+0;
    double w = k * 0x1.0b4611a600000p-34;
    double t2 = t - w;
    double back = t2 - t;
    double err = (t - (t2 - back)) - (w + back);
    double w3 = FMA(k, 0x1.3198a2e037073p-69, -err);
    double hi = t2 - w3;
    *lo = (t2 - hi) - w3;
    return hi;
}
static inline __attribute__((always_inline)) double sin_poly(double r, double lo) {
    double z = r * r, v = z * r;
    return r + FMA(v, HORNER(SIN, z), FMA(-0.5 * z, lo, lo));
}
static inline __attribute__((always_inline)) double cos_poly(double r, double lo) {
    double z = r * r, half = 0.5 * z, w = 1.0 - half;
    return w + (((1.0 - w) - half) + FMA(z * z, HORNER(COS, z), -r * lo));
}
static inline __attribute__((always_inline)) double sincos_core(double x, uint64_t shift) {
    double lo;
    uint64_t q;
    double r = reduce(x, &lo, &q);
    q += shift;
    double s = sin_poly(r, lo), c = cos_poly(r, lo);
    double y = (q & 1) ? c : s;
    return double_of(bits_of(y) ^ ((q & 2) << 62));
}
static void k_sin(double *d, const double *a, long n) {
    if (!all_within(a, n, -TRIG_LIMIT, TRIG_LIMIT)) {
        for (long i = 0; i < n; i++) d[i] = sin(a[i]);
        return;
    }
    LOOP {
        double x = a[i], y = sincos_core(x, 0);
        d[i] = x == 0.0 ? x : y;
    }
}
static void k_cos(double *d, const double *a, long n) {
    if (!all_within(a, n, -TRIG_LIMIT, TRIG_LIMIT)) {
        for (long i = 0; i < n; i++) d[i] = cos(a[i]);
        return;
    }
    LOOP d[i] = sincos_core(a[i], 1);
}
static void k_tan(double *d, const double *a, long n) {
    if (!all_within(a, n, -TRIG_LIMIT, TRIG_LIMIT)) {
        for (long i = 0; i < n; i++) d[i] = tan(a[i]);
        return;
    }
    LOOP {
        double x = a[i], lo;
        uint64_t q;
        double r = reduce(x, &lo, &q);
        double s = sin_poly(r, lo), c = cos_poly(r, lo);
        double num = (q & 1) ? -c : s, den = (q & 1) ? s : c;
        double y = num / den;
        d[i] = x == 0.0 ? x : y;
    }
}
