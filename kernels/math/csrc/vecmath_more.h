/* Vector kernels: hyperbolic functions, atan, erf and pow. Same rules as vecmath.h. */
#pragma once
#include "vecmath.h"

static inline double with_sign(double magnitude, double sign) {
    return double_of((bits_of(magnitude) & 0x7fffffffffffffffULL) | (bits_of(sign) & 0x8000000000000000ULL));
}
/* tanh(m) = E / (E + 2), E = exp(2m) - 1 = 2^k p + (2^k - 1) with exp(2m) = 2^k (1 + p) */
static inline double tanh_one(double x) {
    double m = fabs(x), shifted;
    double p = exp_reduced(m > 22.0 ? 44.0 : 2.0 * m, &shifted); /* tanh is 1 before 22 */
    double scale = double_of(bits_of(1.0) + (bits_of(shifted) << 52));
    double e = FMA(scale, p, scale - 1.0);
    double below = e + 2.0, q = e / below, lost = e - (below - 2.0); /* 1 / (E + 2) = (1 - q) / 2 */
    double size = FMA(-0.5 * FMA(-q, q, q), lost, q); /* which rounding may bring past 1 */
    double y = with_sign(size > 1.0 ? 1.0 : size, x);
    return x != x ? x : y;
}
#if defined(__AVX512F__)
/* the same with exp(2m) = 2^k (1 + r q) and E = 2^k r q + (2^k - 1) */
static void k_tanh(double *d, const double *a, long n) {
    const __m512d one = _mm512_set1_pd(1.0), two = _mm512_set1_pd(2.0), most = _mm512_set1_pd(22.0);
    for (long i = 0; i < n; i += 8) {
        const __mmask8 lanes = lanes_of(n - i);
        const __m512d x = _mm512_maskz_loadu_pd(lanes, a + i), m = _mm512_min_pd(most, _mm512_abs_pd(x)); /* nan stays */
        const exp_parts e = exp_split(_mm512_add_pd(m, m));
        const __m512d power = _mm512_scalef_pd(e.power, e.k), low = _mm512_scalef_pd(e.power_low, e.k);
        const __m512d tail = _mm512_fmadd_pd(_mm512_mul_pd(power, e.r), e.q, low);
        const __m512d expm1 = _mm512_add_pd(_mm512_sub_pd(power, one), tail);
        const __m512d below = _mm512_add_pd(expm1, two), quotient = _mm512_div_pd(expm1, below);
        const __m512d lost = _mm512_sub_pd(expm1, _mm512_sub_pd(below, two)); /* by rounding E + 2, of which 1/2 (1 - y) is */
        const __m512d half = _mm512_fnmadd_pd(quotient, quotient, quotient);  /* the inverse */
        const __m512d y = _mm512_fnmadd_pd(_mm512_mul_pd(half, _mm512_set1_pd(0.5)), lost, quotient);
        const __m512d sign = _mm512_and_pd(x, _mm512_set1_pd(-0.0));
        _mm512_mask_storeu_pd(d + i, lanes, _mm512_or_pd(_mm512_min_pd(one, y), sign)); /* nan stays */
    }
}
#else
static void k_tanh(double *d, const double *a, long n) { LOOP d[i] = tanh_one(a[i]); }
#endif
/* exp(m)/2 without overflow before the result itself overflows */
static inline __attribute__((always_inline)) double half_exp(double m) {
    double c = m > 720.0 ? 720.0 : m;
    double h = c - 0x1.62e42fefa39efp-1, back = h - c;
    double err = (c - (h - back)) - (0x1.62e42fefa39efp-1 + back);
    return exp_core(h, err - 0x1.abc9e3b39803fp-56);
}
static void k_sinh(double *d, const double *a, long n) {
    LOOP {
        double x = a[i], m = fabs(x), z = x * x;
        double small = FMA(x * z, HORNER(SINH, z), x);
        double e = half_exp(m);
        double large = e - 0.25 / e;
        double y = m < 1.0 ? small : with_sign(large, x);
        d[i] = x != x ? x : y;
    }
}
static void k_cosh(double *d, const double *a, long n) {
    LOOP {
        double m = fabs(a[i]);
        double e = half_exp(m);
        d[i] = e + 0.25 / e;
    }
}
static void k_atan(double *d, const double *a, long n) {
    LOOP {
        double x = a[i], m = fabs(x);
        double inv = m > 1.0 ? 1.0 / m : m;
        int far = inv > 0x1.a827999fcef32p-2;
        double t = far ? (inv - 1.0) / (inv + 1.0) : inv;
        double z = t * t;
        double p = FMA(t * z, HORNER(ATAN, z), t);
        p = far ? 0x1.921fb54442d18p-1 + (p + 0x1.1a62633145c07p-55) : p;
        p = m > 1.0 ? 0x1.921fb54442d18p+0 - (p - 0x1.1a62633145c07p-54) : p;
        d[i] = with_sign(p, x);
    }
}
/* |x| <= 1: odd polynomial; else 1 - exp(-x^2) P(t), t = (x - 2.5)/(x + 2.5) */
static void k_erf(double *d, const double *a, long n) {
    LOOP {
        double x = a[i], m = fabs(x);
        double small = x * HORNER(ERF, x * x);
        double c = m > 6.0 ? 6.0 : m;
        double large = 1.0 - exp_normal(-c * c) * HORNER(ERFC, (c - 2.5) / (c + 2.5));
        double y = m <= 1.0 ? small : with_sign(large, x);
        d[i] = x != x ? x : y;
    }
}

#if HAVE_FMA
/* log(x) as hi + lo to about 2^-65: the terms 2 s and (2/3) s^3 in double-double, the rest in double. */
static inline __attribute__((always_inline)) double log_pair(double x, double *lo) {
    double k, f = log_split(x, &k);
    double den = 2.0 + f, den_lo = f - (den - 2.0);
    double s = f / den;
    double s_lo = (FMA(-s, den, f) - s * den_lo) / den;
    double z = s * s, z_lo = FMA(s, s, -z) + 2.0 * s * s_lo;
    double c = z * s, c_lo = FMA(z, s, -c) + FMA(z, s_lo, z_lo * s);
    double third = c * 0x1.5555555555555p-1;
    double third_lo = FMA(c, 0x1.5555555555555p-1, -third) + FMA(c, 0x1.5555555555555p-55, c_lo * 0x1.5555555555555p-1);
    double rest = c * z * HORNER(LOG5, z);
    double a = k * 0x1.62e42fee00000p-1; /* exact: 32 bits times 11 bits */
    double b = 2.0 * s;
    double h1 = a + b, t1 = h1 - a, e1 = (a - (h1 - t1)) + (b - t1);
    double h2 = h1 + third, t2 = h2 - h1, e2 = (h1 - (h2 - t2)) + (third - t2);
    double kl = k * 0x1.a39ef35793c76p-33, kl_lo = FMA(k, 0x1.a39ef35793c76p-33, -kl);
    double h3 = h2 + kl, t3 = h3 - h2, e3 = (h2 - (h3 - t3)) + (kl - t3);
    double low = ((e1 + e2) + e3) + (2.0 * s_lo + third_lo + kl_lo + rest);
    double h = h3 + low;
    *lo = low - (h - h3);
    return h;
}
static inline __attribute__((always_inline)) double pow_core(double x, double y) {
    double l_lo, m = fabs(x);
    double l = log_pair(m, &l_lo);
    double p = y * l;
    double p_lo = FMA(y, l, -p) + y * l_lo;
    p_lo = fabs(p) < 800.0 ? p_lo : 0.0;
    return exp_core(p, p_lo);
}
/* Positive finite bases and moderate exponents here; any other pair goes to the C library. */
static inline int is_usual_power(double x, double y) { return x > 0.0 && x < INFINITY && fabs(y) < 0x1p60; }
static void k_pow(double *d, const double *a, const double *b, long n) {
    long odd = 0;
    for (long i = 0; i < n; i++) odd |= !is_usual_power(a[i], b[i]);
    if (!odd) {
        LOOP d[i] = pow_core(a[i], b[i]);
        return;
    }
    double usual[LONG_BLOCK];
    LOOP {
        const int is_usual = is_usual_power(a[i], b[i]);
        usual[i] = pow_core(is_usual ? a[i] : 1.0, is_usual ? b[i] : 1.0);
    }
    for (long i = 0; i < n; i++) d[i] = is_usual_power(a[i], b[i]) ? usual[i] : pow(a[i], b[i]);
}
#else
static void k_pow(double *d, const double *a, const double *b, long n) {
    for (long i = 0; i < n; i++) d[i] = pow(a[i], b[i]);
}
#endif
