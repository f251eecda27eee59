/* Residues are kept as doubles between -p/2 and p/2, so that products of a residue and a half residue are exact. */
#include "modular.h"

#include <math.h>
#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define MAGIC 0x1.8p52
#define HALF 32768.0 /* base of the split into two halves */

static inline double nearest(double x) { return (x + MAGIC) - MAGIC; }
/* x modulo p, |x| < 2^51 * p and |x| < 2^53 */
static inline double reduce(double x, double p, double inverse) { return x - p * nearest(x * inverse); }

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
static inline double multiply(double a, double b, double p, double inverse) {
    double high = a * b, low = __builtin_fma(a, b, -high), q = nearest(high * inverse);
    return __builtin_fma(-q, p, high) + low;
}
#else
static inline double multiply(double a, double b, double p, double inverse) {
    double b1 = nearest(b * (1.0 / HALF)), b0 = b - b1 * HALF;
    return reduce(reduce(a * b1, p, inverse) * HALF + a * b0, p, inverse);
}
#endif

/* row -= factor * pivot_row */
static inline void subtract(double *restrict row, const double *restrict pivot, double factor, long count, double p) {
    const double inverse = 1.0 / p;
    for (long j = 0; j < count; j++) row[j] = reduce(row[j] - multiply(factor, pivot[j], p, inverse), p, inverse);
}
static double inverse_of(double a, double p) {
    const int64_t m = (int64_t)p;
    uint32_t r0 = (uint32_t)m, r1 = (uint32_t)(((int64_t)a % m + m) % m);
    int64_t t0 = 0, t1 = 1;
    while (r1) {
        uint32_t q = r0 / r1, r = r0 - q * r1;
        int64_t t = t0 - (int64_t)q * t1;
        r0 = r1, r1 = r, t0 = t1, t1 = t;
    }
    return reduce((double)t0, p, 1.0 / p);
}
static void swap_rows(double *a, double *b, long count) {
    for (long j = 0; j < count; j++) {
        double t = a[j];
        a[j] = b[j];
        b[j] = t;
    }
}

/* sum += sign * (high * HALF + low), rows of `columns` numbers; low may be NULL (then high is the whole product). Of 252
   terms, each below 2^30 * 2^15, low is below 2^53 - 2^47: what is added to it before the remainder is taken has room. */
void JOIN(accumulate, LEVEL)(double *sum, long stride, const double *high, const double *low, long rows, long columns,
                             double p, double sign) {
    const double inverse = 1.0 / p;
    for (long i = 0; i < rows; i++) {
        double *restrict s = sum + i * stride;
        const double *restrict h = high + i * columns, *restrict l = low ? low + i * columns : 0;
        if (l)
            for (long j = 0; j < columns; j++)
                s[j] = reduce(s[j] + sign * (reduce(h[j], p, inverse) * HALF + l[j]), p, inverse);
        else
            for (long j = 0; j < columns; j++) s[j] = reduce(s[j] + sign * reduce(h[j], p, inverse), p, inverse);
    }
}
void JOIN(split_halves, LEVEL)(const double *x, long stride, double *high, double *low, long rows, long columns) {
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < columns; j++) {
            double top = nearest(x[i * stride + j] * (1.0 / HALF));
            high[i * columns + j] = top;
            low[i * columns + j] = x[i * stride + j] - top * HALF;
        }
}
void JOIN(load_residues, LEVEL)(const int64_t *x, double *out, long n, int64_t p) {
    int64_t small = 1;
    for (long i = 0; i < n; i++) small &= x[i] > -(1LL << 50) && x[i] < (1LL << 50);
    const double pf = (double)p, inverse = 1.0 / pf;
    if (small)
        for (long i = 0; i < n; i++) out[i] = reduce((double)x[i], pf, inverse);
    else
        for (long i = 0; i < n; i++) out[i] = reduce((double)(x[i] % p), pf, inverse);
}

/* residues from 0 to p-1 */
void JOIN(store_residues, LEVEL)(const double *x, long stride, int64_t *out, long rows, long columns, int64_t p) {
    const double pf = (double)p;
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < columns; j++) {
            double v = x[i * stride + j];
            v = v < 0.0 ? v + pf : v;
            /* an integer below 2^52 stands in the low bits of v + 2^52 */
            double shifted = v + 0x1p52;
            int64_t bits;
            memcpy(&bits, &shifted, 8);
            out[i * columns + j] = bits & 0xfffffffffffffLL;
        }
}

/* Whether `terms` products of residues and one residue more have an exact sum that reduce() takes */
static inline int sums_are_exact(long terms, double p) {
    const double half = 0.5 * p + 1.0;
    return (double)terms * half * half + half <= 0x1p51;
}
/* row -= factor * pivot_row, to be reduced later */
static inline void subtract_exact(double *restrict row, const double *restrict pivot, double factor, long count) {
#pragma GCC ivdep
    for (long j = 0; j < count; j++) row[j] -= factor * pivot[j];
}
static inline void reduce_row(double *row, long count, double p) {
    const double inverse = 1.0 / p;
    for (long j = 0; j < count; j++) row[j] = reduce(row[j], p, inverse);
}

/* Gaussian elimination of the columns first..last of w below row `rank`. The multiplier of pivot t goes to column t
 * of l; columns beyond `last` are left for the caller. Returns the rank afterwards. Where sums of products are exact,
 * entries are reduced when their row becomes a pivot or their column is eliminated, and not after every step. */
long JOIN(eliminate, LEVEL)(double *w, long w_stride, double *l, long l_stride, long rows, long width, long rank,
                            long first, long last, double p, int64_t *pivots, int *odd_swaps) {
    const double p_inverse = 1.0 / p;
    const int late = sums_are_exact(last - first, p);
    for (long c = first; c < last && rank < rows; c++) {
        if (late) for (long i = rank; i < rows; i++) w[i * w_stride + c] = reduce(w[i * w_stride + c], p, p_inverse);
        long r = rank;
        while (r < rows && w[r * w_stride + c] == 0.0) r++;
        if (r == rows) continue;
        double *pivot = w + rank * w_stride;
        pivots[rank] = c;
        if (r != rank) {
            swap_rows(pivot + first, w + r * w_stride + first, width - first);
            swap_rows(l + rank * l_stride, l + r * l_stride, rank);
            *odd_swaps ^= 1;
        }
        if (late) reduce_row(pivot + c + 1, last - c - 1, p);
        const double inverse = inverse_of(pivot[c], p);
        for (long i = rank + 1; i < rows; i++) {
            double *row = w + i * w_stride;
            if (row[c] == 0.0) continue;
            double factor = reduce(multiply(row[c], inverse, p, p_inverse), p, p_inverse);
            if (late) subtract_exact(row + c + 1, pivot + c + 1, factor, last - c - 1);
            else subtract(row + c + 1, pivot + c + 1, factor, last - c - 1, p);
            row[c] = 0.0;
            l[i * l_stride + rank] = factor;
        }
        rank++;
    }
    return rank;
}
/* b := L^-1 b for the unit lower triangle of l */
void JOIN(lower_solve, LEVEL)(const double *l, long l_stride, double *b, long b_stride, long n, long count, double p) {
    const int late = sums_are_exact(n, p);
    for (long i = 1; i < n; i++) {
        for (long j = 0; j < i; j++) {
            double factor = l[i * l_stride + j];
            if (late) subtract_exact(b + i * b_stride, b + j * b_stride, factor, count);
            else if (factor != 0.0) subtract(b + i * b_stride, b + j * b_stride, factor, count, p);
        }
        if (late) reduce_row(b + i * b_stride, count, p);
    }
}
/* Inverses of n residues other than 0 by one division for all (Montgomery's trick) */
static void inverses_of(const double *x, long stride, double *out, long n, double p) {
    const double inverse = 1.0 / p;
    double product = x[0], rest;
    out[0] = product;
    for (long i = 1; i < n; i++) out[i] = product = reduce(multiply(product, x[i * stride], p, inverse), p, inverse);
    rest = inverse_of(product, p); /* of the first i + 1 in the loop */
    for (long i = n - 1; i > 0; i--) {
        out[i] = reduce(multiply(rest, out[i - 1], p, inverse), p, inverse);
        rest = reduce(multiply(rest, x[i * stride], p, inverse), p, inverse);
    }
    out[0] = rest;
}
/* b := U^-1 b for the upper triangle of u of at most MOST_UNKNOWNS rows, column by column: the rows above an unknown
 * do not wait for each other */
void JOIN(upper_solve, LEVEL)(const double *u, long u_stride, double *b, long b_stride, long n, long count, double p) {
    const double inverse = 1.0 / p;
    const int late = sums_are_exact(n, p);
    double inverses[MOST_UNKNOWNS];
    inverses_of(u, u_stride + 1, inverses, n, p);
    for (long j = n - 1; j >= 0; j--) {
        double *known = b + j * b_stride;
        if (late) reduce_row(known, count, p);
        for (long k = 0; k < count; k++) known[k] = reduce(multiply(inverses[j], known[k], p, inverse), p, inverse);
        for (long i = 0; i < j; i++) {
            const double factor = u[i * u_stride + j];
            if (late) subtract_exact(b + i * b_stride, known, factor, count);
            else if (factor != 0.0) subtract(b + i * b_stride, known, factor, count, p);
        }
    }
}

/* lowest bits of int64 rows, 64 to a word */
void JOIN(pack_bits, LEVEL)(const int64_t *x, uint64_t *out, long rows, long columns, long words) {
    for (long i = 0; i < rows; i++)
        for (long w = 0; w < words; w++) {
            const int64_t *from = x + i * columns + 64 * w;
            long count = columns - 64 * w < 64 ? columns - 64 * w : 64, j = 0;
            uint64_t word = 0;
#if defined(__AVX512F__)
            for (; j + 8 <= count; j += 8)
                word |= (uint64_t)_mm512_test_epi64_mask(_mm512_loadu_si512(from + j), _mm512_set1_epi64(1)) << j;
#endif
            for (; j < count; j++) word |= (uint64_t)(from[j] & 1) << j;
            out[i * words + w] = word;
        }
}

/* Elimination of bit rows; upwards too when `full`. Returns the rank. */
long JOIN(eliminate_bits, LEVEL)(uint64_t *a, long rows, long columns, long words, int full, int64_t *pivots) {
    long rank = 0;
    for (long c = 0; c < columns && rank < rows; c++) {
        const long w = c >> 6;
        const uint64_t bit = 1ULL << (c & 63);
        long r = rank;
        while (r < rows && !(a[r * words + w] & bit)) r++;
        if (r == rows) continue;
        uint64_t *pivot = a + rank * words;
        if (r != rank)
            for (long j = 0; j < words; j++) {
                uint64_t t = pivot[j];
                pivot[j] = a[r * words + j];
                a[r * words + j] = t;
            }
        const long from = full ? 0 : w;
        for (long i = full ? 0 : rank + 1; i < rows; i++) {
            uint64_t *row = a + i * words;
            if (i == rank || !(row[w] & bit)) continue;
#pragma GCC ivdep
            for (long j = from; j < words; j++) row[j] ^= pivot[j];
        }
        pivots[rank++] = c;
    }
    return rank;
}
