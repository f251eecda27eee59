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
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

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

/* |x| <= EXP_NORMAL: exp(x) = 2^k (1 + expm1(r)) is normal. Returns expm1(r); the low bits of *shifted hold k. */
#define EXP_NORMAL 708.0
static inline __attribute__((always_inline)) double exp_reduced(double x, double *shifted) {
    *shifted = FMA(x, 0x1.71547652b82fep+0, ROUND_MAGIC);
    double k = *shifted - ROUND_MAGIC;
    double hi = FMA(-k, 0x1.62e42fee00000p-1, x);
#if HAVE_FMA
    double r = FMA(-k, 0x1.a39ef35793c76p-33, hi), rlo = FMA(-k, 0x1.a39ef35793c76p-33, hi - r);
#else
    double tail = k * 0x1.a39ef35793c76p-33, r = hi - tail, rlo = (hi - r) - tail;
#endif
    return r + FMA(r * r, HORNER(EXP, r), rlo);
}
static inline __attribute__((always_inline)) double exp_normal(double x) {
    double shifted, p = 1.0 + exp_reduced(x, &shifted);
    return double_of(bits_of(p) + (bits_of(shifted) << 52)); /* the scale is added to the exponent */
}
/* whether |a[i]| <= limit for all of a[0..n): a comparison of bits, which puts nan and infinity last */
static inline int all_within(const double *a, long n, double limit) {
    uint64_t most = 0;
    for (long i = 0; i < n; i++) {
        uint64_t u = bits_of(a[i]) & ~(1ULL << 63);
        most = u > most ? u : most;
    }
    return most <= bits_of(limit);
}
/* whether all of a[0..n) are positive, normal and finite */
static inline int all_positive(const double *a, long n) {
    uint64_t most = 0;
    for (long i = 0; i < n; i++) {
        uint64_t u = bits_of(a[i]) - bits_of(0x1p-1022);
        most = u > most ? u : most;
    }
    return most <= bits_of(0x1.fffffffffffffp1023) - bits_of(0x1p-1022);
}

#if defined(__AVX512F__)
/* exp(x) = 2^k 2^(j/8) exp(r): the eight powers stand in a register, and the polynomial is half as long */
typedef struct {
    __m512d p, power, power_low; /* exp(r) - 1, 2^(j/8) and what its rounding left out */
    __m512i scale;               /* 2^k, to be added to the bits of a double */
} exp_parts;
static inline __attribute__((always_inline)) exp_parts exp_split(__m512d x) {
    const __m512d magic = _mm512_set1_pd(ROUND_MAGIC);
    const __m512d shifted = _mm512_fmadd_pd(x, _mm512_set1_pd(0x1.71547652b82fep+3), magic);
    const __m512d k = _mm512_sub_pd(shifted, magic), low = _mm512_set1_pd(0x1.a39ef35793c76p-36);
    const __m512d hi = _mm512_fnmadd_pd(k, _mm512_set1_pd(0x1.62e42fee00000p-4), x), r = _mm512_fnmadd_pd(k, low, hi);
    const __m512i bits = _mm512_castpd_si512(shifted), top = _mm512_set1_epi64((long long)0xFFF0000000000000ULL);
    exp_parts e;
    __m512d p = _mm512_set1_pd(EXP8_C[6]);
#pragma GCC unroll 6
    for (int c = 5; c >= 0; c--) p = _mm512_fmadd_pd(p, r, _mm512_set1_pd(EXP8_C[c]));
    e.p = _mm512_add_pd(r, _mm512_fmadd_pd(_mm512_mul_pd(r, r), p, _mm512_fnmadd_pd(k, low, _mm512_sub_pd(hi, r))));
    e.power = _mm512_permutexvar_pd(bits, _mm512_loadu_pd(POWER8));
    e.power_low = _mm512_permutexvar_pd(bits, _mm512_loadu_pd(POWER8_LOW));
    e.scale = _mm512_and_si512(_mm512_slli_epi64(bits, 49), top);
    return e;
}
static inline __m512d scaled(__m512d x, __m512i scale) {
    return _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(x), scale));
}
static inline __mmask8 lanes_of(long left) { return left >= 8 ? 0xFF : (__mmask8)((1u << left) - 1); }
static void exp_block(double *d, const double *a, long n) {
    for (long i = 0; i < n; i += 8) {
        const __mmask8 lanes = lanes_of(n - i);
        const exp_parts e = exp_split(_mm512_maskz_loadu_pd(lanes, a + i));
        const __m512d y = _mm512_add_pd(e.power, _mm512_fmadd_pd(e.power, e.p, e.power_low));
        _mm512_mask_storeu_pd(d + i, lanes, scaled(y, e.scale));
    }
}
#else
static void exp_block(double *d, const double *a, long n) { LOOP d[i] = exp_normal(a[i]); }
#endif
static void k_exp(double *d, const double *a, long n) {
    if (all_within(a, n, EXP_NORMAL)) {
        exp_block(d, a, n);
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
    if (all_positive(a, n)) {
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

/* Reduction of x by multiples k of pi/2 in parts whose product with k is exact for |k| < 2^20, and a tail (Cody and
 * Waite). Returns hi, sets lo and the quadrant. Beyond TRIG_LIMIT the C library takes the block. */
#define TRIG_LIMIT 1.0e6
static inline __attribute__((always_inline)) double reduce(double x, double *lo, uint64_t *quadrant) {
    double kb = FMA(x, 0x1.45f306dc9c883p-1, ROUND_MAGIC);
    double k = kb - ROUND_MAGIC;
    *quadrant = bits_of(kb);
#if HAVE_FMA
    double t = FMA(-k, 0x1.921fb54442d18p+0, x); /* exact: a multiple of 2^-53 below 1 */
    double hi = FMA(-k, 0x1.1a62633000000p-54, t);
    *lo = FMA(-k, 0x1.45c06e0e68948p-86, FMA(-k, 0x1.1a62633000000p-54, t - hi));
#else
    double t = x - k * 0x1.921fb54400000p+0;
    double w = k * 0x1.0b4611a600000p-34;
    double t2 = t - w;
    double back = t2 - t;
    double err = (t - (t2 - back)) - (w + back);
    double w3 = FMA(k, 0x1.3198a2e037073p-69, -err);
    double hi = t2 - w3;
    *lo = (t2 - hi) - w3;
#endif
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
/* sin_poly(r, lo) or, for an odd quadrant, cos_poly(r, lo) */
static inline __attribute__((always_inline)) double sin_or_cos(double r, double lo, uint64_t odd) {
#if HAVE_FMA /* one chain with chosen coefficients: a choice costs less than a multiply-add */
    double z = r * r, half = 0.5 * z, w = 1.0 - half;
    double p = odd ? COS_C[5] : SIN_C[5];
#pragma GCC unroll 5
    for (int k = 4; k >= 0; k--) p = FMA(p, z, odd ? COS_C[k] : SIN_C[k]);
    double tail = FMA(lo, odd ? -r : w, odd ? (1.0 - w) - half : 0.0);
    return (odd ? w : r) + FMA(z * (odd ? z : r), p, tail);
#else
    double s = sin_poly(r, lo), c = cos_poly(r, lo);
    return odd ? c : s;
#endif
}
static inline __attribute__((always_inline)) double sincos_core(double x, uint64_t shift) {
    double lo;
    uint64_t q;
    double r = reduce(x, &lo, &q);
    q += shift;
    return double_of(bits_of(sin_or_cos(r, lo, q & 1)) ^ ((q & 2) << 62));
}
#if defined(__AVX512F__)
/* sin(x + shift pi/2) as sincos_core has it; a pair of coefficients, of sine and cosine, is chosen from by the bit of
 * the quadrant that the permutation looks at */
#define CHOOSE(sine, cosine) _mm512_permutevar_pd(_mm512_setr_pd(sine, cosine, sine, cosine, sine, cosine, sine, cosine), odd)
static inline __attribute__((always_inline)) void sin_block(double *d, const double *a, long n, int shift) {
    const __m512d magic = _mm512_set1_pd(ROUND_MAGIC), one = _mm512_set1_pd(1.0);
    const __m512i sign = _mm512_set1_epi64((long long)(1ULL << 63));
    for (long i = 0; i < n; i += 8) {
        const __mmask8 lanes = lanes_of(n - i);
        const __m512d x = _mm512_maskz_loadu_pd(lanes, a + i);
        const __m512d kb = _mm512_fmadd_pd(x, _mm512_set1_pd(0x1.45f306dc9c883p-1), magic), k = _mm512_sub_pd(kb, magic);
        const __m512i q = _mm512_add_epi64(_mm512_castpd_si512(kb), _mm512_set1_epi64(shift));
        const __m512i odd = _mm512_add_epi64(q, q); /* bit 1 chooses */
        const __mmask8 is_odd = _mm512_test_epi64_mask(q, _mm512_set1_epi64(1));
        const __m512d t = _mm512_fnmadd_pd(k, _mm512_set1_pd(0x1.921fb54442d18p+0), x);
        const __m512d second = _mm512_set1_pd(0x1.1a62633000000p-54), r = _mm512_fnmadd_pd(k, second, t);
        const __m512d low = _mm512_fnmadd_pd(k, _mm512_set1_pd(0x1.45c06e0e68948p-86),
                                             _mm512_fnmadd_pd(k, second, _mm512_sub_pd(t, r)));
        const __m512d z = _mm512_mul_pd(r, r), w = _mm512_fnmadd_pd(_mm512_set1_pd(0.5), z, one);
        __m512d p = CHOOSE(SIN_C[5], COS_C[5]);
#pragma GCC unroll 5
        for (int c = 4; c >= 0; c--) p = _mm512_fmadd_pd(p, z, CHOOSE(SIN_C[c], COS_C[c]));
        const __m512d lost = _mm512_maskz_fnmadd_pd(is_odd, _mm512_set1_pd(0.5), z, _mm512_sub_pd(one, w));
        const __m512d tail = _mm512_fmadd_pd(low, _mm512_mask_sub_pd(w, is_odd, _mm512_setzero_pd(), r), lost);
        const __m512d y = _mm512_add_pd(_mm512_mask_mov_pd(r, is_odd, w),
                                        _mm512_fmadd_pd(_mm512_mul_pd(z, _mm512_mask_mov_pd(r, is_odd, z)), p, tail));
        __m512i bits = _mm512_castpd_si512(y);
        bits = _mm512_xor_si512(bits, _mm512_and_si512(_mm512_slli_epi64(q, 62), sign));
        if (!shift) bits = _mm512_mask_mov_epi64(bits, _mm512_cmp_pd_mask(x, _mm512_setzero_pd(), _CMP_EQ_OQ), _mm512_castpd_si512(x));
        _mm512_mask_storeu_pd(d + i, lanes, _mm512_castsi512_pd(bits));
    }
}
#else
static inline __attribute__((always_inline)) void sin_block(double *d, const double *a, long n, int shift) {
    LOOP {
        double x = a[i], y = sincos_core(x, (uint64_t)shift);
        d[i] = !shift && x == 0.0 ? x : y;
    }
}
#endif
static void k_sin(double *d, const double *a, long n) {
    if (!all_within(a, n, TRIG_LIMIT)) {
        for (long i = 0; i < n; i++) d[i] = sin(a[i]);
        return;
    }
    sin_block(d, a, n, 0);
}
static void k_cos(double *d, const double *a, long n) {
    if (!all_within(a, n, TRIG_LIMIT)) {
        for (long i = 0; i < n; i++) d[i] = cos(a[i]);
        return;
    }
    sin_block(d, a, n, 1);
}
static void k_tan(double *d, const double *a, long n) {
    if (!all_within(a, n, TRIG_LIMIT)) {
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
