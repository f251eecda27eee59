/* Vector kernels: exp, log, sin, cos, tan and square root over arrays of doubles.
 *
 * One source for every instruction set: loops without branches that the compiler turns into SIMD code. The file
 * that includes this one is compiled with -ffp-contract=off, so that error-free transformations stay exact and
 * fused multiply-adds stand only where FMA() says so. Destination and source may be the same array, of at most
 * LONG_BLOCK elements. A value never depends on what stands beside its argument.
 */
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "coefficients.h"
#include "program.h"

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

#define EXP_MOST 710.0
#define EXP_LEAST (-746.0)
/* exp(hi + lo) for |lo| far below ulp(hi). x = k ln2 + r; exp(r) = 1 + r + r*r*q(r). The rounding error of r is
 * carried along, and the scale is applied in two factors so that denormal results and overflow come out right. */
static inline __attribute__((always_inline)) double exp_core_tail(double x, double lo, int has_lo) {
    double c = x > EXP_MOST ? EXP_MOST : x;
    c = c < EXP_LEAST ? EXP_LEAST : c;
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
/* x where |x| <= limit, else 0: the usual kernel takes this, and no value depends on what stands beside it */
static inline double within(double x, double limit) { return fabs(x) <= limit ? x : 0.0; }
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
static inline __mmask8 lanes_of(long left) { return left >= 8 ? 0xFF : (__mmask8)((1u << left) - 1); }
/* exp(x) = 2^k exp(r) for k a multiple of 1/8: the eight powers of its fraction stand in a register, and the polynomial
 * is half as long. The last bits of x + 3/2 2^49 count eighths. */
#define EIGHTHS_MAGIC 0x1.8p49
typedef struct {
    __m512d k, power, power_low, r, q; /* 2^(k mod 1) and what its rounding left out; exp(r) = 1 + r q */
} exp_parts;
static inline __attribute__((always_inline)) exp_parts exp_split(__m512d x) {
    const __m512d magic = _mm512_set1_pd(EIGHTHS_MAGIC);
    const __m512d shifted = _mm512_fmadd_pd(x, _mm512_set1_pd(0x1.71547652b82fep+0), magic);
    const __m512d k = _mm512_sub_pd(shifted, magic);
    const __m512d hi = _mm512_fnmadd_pd(k, _mm512_set1_pd(0x1.62e42fee00000p-1), x);
    const __m512d r = _mm512_fnmadd_pd(k, _mm512_set1_pd(0x1.a39ef35793c76p-33), hi);
    const __m512i bits = _mm512_castpd_si512(shifted);
    __m512d q = _mm512_set1_pd(EXP8_C[6]);
#pragma GCC unroll 6
    for (int c = 5; c >= 0; c--) q = _mm512_fmadd_pd(q, r, _mm512_set1_pd(EXP8_C[c]));
    return (exp_parts){.k = k, .power = _mm512_permutexvar_pd(bits, _mm512_loadu_pd(POWER8)), .r = r,
                       .power_low = _mm512_permutexvar_pd(bits, _mm512_loadu_pd(POWER8_LOW)),
                       .q = _mm512_fmadd_pd(q, r, _mm512_set1_pd(1.0))};
}
/* for every x: the last step scales into denormal numbers, zero and infinity */
static void k_exp(double *d, const double *a, long n) {
    for (long i = 0; i < n; i += 8) {
        const __mmask8 lanes = lanes_of(n - i);
        const __m512d x = _mm512_min_pd(_mm512_set1_pd(EXP_MOST), _mm512_maskz_loadu_pd(lanes, a + i)); /* nan stays */
        const exp_parts e = exp_split(_mm512_max_pd(_mm512_set1_pd(EXP_LEAST), x));
        const __m512d tail = _mm512_fmadd_pd(_mm512_mul_pd(e.power, e.r), e.q, e.power_low);
        _mm512_mask_storeu_pd(d + i, lanes, _mm512_scalef_pd(_mm512_add_pd(e.power, tail), e.k));
    }
}
#else
static void exp_block(double *d, const double *a, long n) { LOOP d[i] = exp_normal(a[i]); }
static void k_exp(double *d, const double *a, long n) {
    if (all_within(a, n, EXP_NORMAL)) {
        exp_block(d, a, n);
        return;
    }
    double near[LONG_BLOCK], far[LONG_BLOCK];
    LOOP near[i] = within(a[i], EXP_NORMAL);
    exp_block(near, near, n);
    LOOP far[i] = exp_core_tail(a[i], 0.0, 0);
    LOOP d[i] = fabs(a[i]) <= EXP_NORMAL ? near[i] : far[i];
}
#endif

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
#if defined(__AVX512F__)
/* The same with m in [3/4, 3/2), by instructions that know denormal numbers, zero, infinity and negative numbers too */
static void k_log(double *d, const double *a, long n) {
    const __m512d one = _mm512_set1_pd(1.0);
    for (long i = 0; i < n; i += 8) {
        const __mmask8 lanes = lanes_of(n - i);
        const __m512d x = _mm512_maskz_loadu_pd(lanes, a + i);
        const __m512d m = _mm512_getmant_pd(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan);
        const __m512d k = _mm512_sub_pd(_mm512_getexp_pd(x), _mm512_getexp_pd(m)), f = _mm512_sub_pd(m, one);
        const __m512d s = _mm512_div_pd(f, _mm512_add_pd(m, one)), z = _mm512_mul_pd(s, s);
        const __m512d half = _mm512_mul_pd(_mm512_mul_pd(_mm512_set1_pd(0.5), f), f);
        __m512d g = _mm512_set1_pd(LOG_WIDE_C[7]);
#pragma GCC unroll 7
        for (int c = 6; c >= 0; c--) g = _mm512_fmadd_pd(g, z, _mm512_set1_pd(LOG_WIDE_C[c]));
        const __m512d rest = _mm512_mul_pd(s, _mm512_fmadd_pd(z, g, half));
        const __m512d low = _mm512_fmadd_pd(k, _mm512_set1_pd(0x1.a39ef35793c76p-33), rest);
        const __m512d near = _mm512_sub_pd(f, _mm512_sub_pd(half, low));
        _mm512_mask_storeu_pd(d + i, lanes, _mm512_fmadd_pd(k, _mm512_set1_pd(0x1.62e42fee00000p-1), near));
    }
}
#else
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
#endif

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
/* y with the lanes of `far` taken from the C library */
static __attribute__((noinline)) __m512d trigonometric_far(__m512d y, __m512d x, __mmask8 far, int shift) {
    double values[8], arguments[8];
    _mm512_storeu_pd(values, y);
    _mm512_storeu_pd(arguments, x);
    for (int k = 0; k < 8; k++) if (far >> k & 1) values[k] = shift ? cos(arguments[k]) : sin(arguments[k]);
    return _mm512_loadu_pd(values);
}
/* sin(x + shift pi/2) as sincos_core has it, of |x|; the sign comes from the quadrant and x */
#define CHOOSE(sine, cosine) _mm512_mask_blend_pd(odd, _mm512_set1_pd(sine), _mm512_set1_pd(cosine))
static inline __attribute__((always_inline)) void sin_block(double *d, const double *a, long n, int shift) {
    const __m512d magic = _mm512_set1_pd(ROUND_MAGIC), one = _mm512_set1_pd(1.0);
    const __m512i sign = _mm512_set1_epi64((long long)(1ULL << 63));
    for (long i = 0; i < n; i += 8) {
        const __mmask8 lanes = lanes_of(n - i);
        const __m512d given = _mm512_maskz_loadu_pd(lanes, a + i), x = _mm512_abs_pd(given);
        const __m512d kb = _mm512_fmadd_pd(x, _mm512_set1_pd(0x1.45f306dc9c883p-1), magic), k = _mm512_sub_pd(kb, magic);
        const __m512i q = _mm512_add_epi64(_mm512_castpd_si512(kb), _mm512_set1_epi64(shift));
        const __mmask8 odd = _mm512_test_epi64_mask(q, _mm512_set1_epi64(1));
        const __m512d t = _mm512_fnmadd_pd(k, _mm512_set1_pd(0x1.921fb54442d18p+0), x);
        const __m512d second = _mm512_set1_pd(0x1.1a62633000000p-54), r = _mm512_fnmadd_pd(k, second, t);
        const __m512d low = _mm512_fnmadd_pd(k, _mm512_set1_pd(0x1.45c06e0e68948p-86),
                                             _mm512_fnmadd_pd(k, second, _mm512_sub_pd(t, r)));
        const __m512d z = _mm512_mul_pd(r, r), w = _mm512_fnmadd_pd(_mm512_set1_pd(0.5), z, one);
        __m512d p = CHOOSE(SIN_C[5], COS_C[5]);
#pragma GCC unroll 5
        for (int c = 4; c >= 0; c--) p = _mm512_fmadd_pd(p, z, CHOOSE(SIN_C[c], COS_C[c]));
        const __m512d lost = _mm512_maskz_fnmadd_pd(odd, _mm512_set1_pd(0.5), z, _mm512_sub_pd(one, w));
        const __m512d tail = _mm512_fmadd_pd(low, _mm512_mask_sub_pd(w, odd, _mm512_setzero_pd(), r), lost);
        const __m512d factor = _mm512_mul_pd(z, _mm512_mask_mov_pd(r, odd, z));
        const __m512d size = _mm512_add_pd(_mm512_mask_mov_pd(r, odd, w), _mm512_fmadd_pd(factor, p, tail));
        __m512i flip = _mm512_slli_epi64(q, 62);
        if (!shift) flip = _mm512_xor_si512(flip, _mm512_castpd_si512(given));
        flip = _mm512_and_si512(flip, sign);
        __m512d y = _mm512_castsi512_pd(_mm512_xor_si512(_mm512_castpd_si512(size), flip));
        const __mmask8 far = _mm512_cmp_pd_mask(x, _mm512_set1_pd(TRIG_LIMIT), _CMP_NLE_UQ);
        if (__builtin_expect(far, 0)) y = trigonometric_far(y, given, far, shift);
        _mm512_mask_storeu_pd(d + i, lanes, y);
    }
}
static void k_sin(double *d, const double *a, long n) { sin_block(d, a, n, 0); }
static void k_cos(double *d, const double *a, long n) { sin_block(d, a, n, 1); }
#else
static inline __attribute__((always_inline)) void sin_block(double *d, const double *a, long n, int shift) {
    LOOP {
        double x = a[i], y = sincos_core(x, (uint64_t)shift);
        d[i] = !shift && x == 0.0 ? x : y;
    }
}
#endif
static void tan_block(double *d, const double *a, long n) {
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
#define TRIGONOMETRIC(name, block)                                                                                   \
    static void k_##name(double *d, const double *a, long n) {                                                       \
        if (all_within(a, n, TRIG_LIMIT)) {                                                                          \
            block(d, a, n);                                                                                          \
            return;                                                                                                  \
        }                                                                                                            \
        double near[LONG_BLOCK];                                                                                     \
        LOOP near[i] = within(a[i], TRIG_LIMIT);                                                                     \
        block(near, near, n);                                                                                        \
        for (long i = 0; i < n; i++) d[i] = fabs(a[i]) <= TRIG_LIMIT ? near[i] : name(a[i]);                         \
    }
TRIGONOMETRIC(tan, tan_block)
#if !defined(__AVX512F__)
static void sine_block(double *d, const double *a, long n) { sin_block(d, a, n, 0); }
static void cosine_block(double *d, const double *a, long n) { sin_block(d, a, n, 1); }
TRIGONOMETRIC(sin, sine_block)
TRIGONOMETRIC(cos, cosine_block)
#endif

#if HAVE_FMA
/* The same for one number, with the same bits. Nothing branches on the quadrant, which no processor foresees. */
static inline double sin_of_one(double x, uint64_t shift) {
    static const double *const coefficients[2] = {SIN_C, COS_C};
    double lo;
    uint64_t quadrant;
    const double r = reduce(x, &lo, &quadrant), z = r * r, half = 0.5 * z, w = 1.0 - half;
    const int odd = (quadrant += shift) & 1;
    const double *c = coefficients[odd], first[2] = {r, w}, slope[2] = {w, -r}, lost[2] = {0.0, (1.0 - w) - half};
    const double factor[2] = {r, z};
    double p = c[5];
    for (int k = 4; k >= 0; k--) p = FMA(p, z, c[k]);
    const double y = first[odd] + FMA(z * factor[odd], p, FMA(lo, slope[odd], lost[odd]));
    return double_of(bits_of(y) ^ ((quadrant & 2) << 62));
}
static inline double sin_one(double x) {
    return !(fabs(x) <= TRIG_LIMIT) ? sin(x) : x == 0.0 ? x : sin_of_one(x, 0);
}
static inline double cos_one(double x) { return fabs(x) <= TRIG_LIMIT ? sin_of_one(x, 1) : cos(x); }
#if defined(__AVX512F__)
static inline double log_one(double x) {
    const __m128d v = _mm_set_sd(x), mantissa = _mm_getmant_sd(v, v, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan);
    const double m = _mm_cvtsd_f64(mantissa), f = m - 1.0, s = f / (m + 1.0), z = s * s, half = 0.5 * f * f;
    const double k = _mm_cvtsd_f64(_mm_getexp_sd(v, v)) - _mm_cvtsd_f64(_mm_getexp_sd(mantissa, mantissa));
    const double low = FMA(k, 0x1.a39ef35793c76p-33, s * FMA(z, HORNER(LOG_WIDE, z), half));
    return FMA(k, 0x1.62e42fee00000p-1, f - (half - low));
}
static inline double exp_one(double x) {
    double c = x > EXP_MOST ? EXP_MOST : x;
    c = c < EXP_LEAST ? EXP_LEAST : c;
    const double shifted = FMA(c, 0x1.71547652b82fep+0, EIGHTHS_MAGIC), k = shifted - EIGHTHS_MAGIC;
    const double r = FMA(-k, 0x1.a39ef35793c76p-33, FMA(-k, 0x1.62e42fee00000p-1, c)), q = FMA(HORNER(EXP8, r), r, 1.0);
    const uint64_t eighth = bits_of(shifted) & 7;
    const double y = POWER8[eighth] + FMA(POWER8[eighth] * r, q, POWER8_LOW[eighth]);
    return _mm_cvtsd_f64(_mm_scalef_sd(_mm_set_sd(y), _mm_set_sd(k)));
}
#else
static inline double log_one(double x) {
    double k, f = log_split(x, &k);
    return log_special(x, log_of(f, k));
}
static inline double exp_one(double x) { return fabs(x) <= EXP_NORMAL ? exp_normal(x) : exp_core_tail(x, 0.0, 0); }
#endif
#else
#define sin_one sin
#define cos_one cos
#define log_one log
#define exp_one exp
#endif
