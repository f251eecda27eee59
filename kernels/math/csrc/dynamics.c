/* Cellular automata in bit-parallel form, gravity by direct summation. */
#include "dynamics.h"

#include <math.h>
#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)

typedef double vector __attribute__((vector_size(LANE_BYTES)));

/* left[i] and right[i]: the row moved by one cell, around the end or with dead cells beyond it */
static void neighbours(const uint64_t *row, uint64_t *left, uint64_t *right, long words, long width, int wrap) {
    const int top = (int)((width - 1) & 63);
    const uint64_t first = row[0] & 1, last = (row[words - 1] >> top) & 1;
    left[0] = row[0] << 1 | (wrap ? last : 0);
    for (long i = 1; i < words; i++) left[i] = row[i] << 1 | row[i - 1] >> 63;
    for (long i = 0; i + 1 < words; i++) right[i] = row[i] >> 1 | row[i + 1] << 63;
    right[words - 1] = row[words - 1] >> 1 | (wrap ? first << top : 0);
}
static void trim(uint64_t *row, long words, long width) {
    if (width & 63) row[words - 1] &= (1ULL << (width & 63)) - 1;
}

/* Sums of three cells side by side, as two bit planes, for `rows` rows that lie one after another. The loop runs over
 * all words at once; afterwards the first and last word of every row get their true neighbours. */
static void row_sums(const uint64_t *in, uint64_t *low, uint64_t *high, long rows, long words, long width, int wrap) {
    const long n = rows * words;
    const int top = (int)((width - 1) & 63);
#define SUMS(i, l, r)                                                                                                \
    {                                                                                                                \
        uint64_t left = (l), right = (r), x = left ^ right;                                                          \
        low[i] = x ^ in[i];                                                                                          \
        high[i] = (left & right) | (x & in[i]);                                                                      \
    }
#pragma GCC ivdep
    for (long i = 1; i < n - 1; i++) SUMS(i, in[i] << 1 | in[i - 1] >> 63, in[i] >> 1 | in[i + 1] << 63)
    for (long y = 0; y < rows; y++) {
        const uint64_t *row = in + y * words;
        uint64_t first = wrap ? (row[words - 1] >> top) & 1 : 0, last = wrap ? (row[0] & 1) << top : 0;
        long f = y * words, e = f + words - 1;
        if (words == 1) {
            SUMS(f, row[0] << 1 | first, row[0] >> 1 | last)
        } else {
            SUMS(f, row[0] << 1 | first, row[0] >> 1 | row[1] << 63)
            SUMS(e, row[words - 1] << 1 | row[words - 2] >> 63, row[words - 1] >> 1 | last)
        }
    }
}

/* One generation of `count` rows whose neighbours stand above and below them in `in` (count + 2 rows). The sum of all
 * nine cells stands in four bit planes; a living cell counts itself, so its set of sums is moved up by one. */
static void life_strip(const uint64_t *in, uint64_t *out, long count, long words, long width, int wrap, int birth,
                       int survive, uint64_t *scratch) {
    const long n = count * words, halo = n + 2 * words;
    uint64_t *low = scratch, *high = low + halo, *s0 = high + halo, *s1 = s0 + n, *s2 = s1 + n, *s3 = s2 + n;
    const uint64_t *cell = in + words;
    row_sums(in, low, high, count + 2, words, width, wrap);
#pragma GCC ivdep
    for (long i = 0; i < n; i++) {
        uint64_t a0 = low[i], b0 = low[i + words], c0 = low[i + 2 * words], x = a0 ^ b0;
        uint64_t a1 = high[i], b1 = high[i + words], c1 = high[i + 2 * words], u = a1 ^ b1, v = u ^ c1;
        uint64_t k1 = (a0 & b0) | (x & c0), k2 = (a1 & b1) | (u & c1), k3 = v & k1;
        s0[i] = x ^ c0;
        s1[i] = v ^ k1;
        s2[i] = k2 ^ k3;
        s3[i] = k2 & k3;
        out[i] = 0;
    }
    for (int k = 0; k <= 9; k++) {
        const uint64_t born = -(uint64_t)(birth >> k & 1), stays = -(uint64_t)(survive << 1 >> k & 1);
        if (!(born | stays)) continue;
        const uint64_t m0 = -(uint64_t)!(k & 1), m1 = -(uint64_t)!(k & 2), m2 = -(uint64_t)!(k & 4);
        const uint64_t m3 = -(uint64_t)!(k & 8);
#pragma GCC ivdep
        for (long i = 0; i < n; i++) {
            uint64_t is = (s0[i] ^ m0) & (s1[i] ^ m1) & (s2[i] ^ m2) & (s3[i] ^ m3);
            out[i] |= is & ((cell[i] & stays) | (~cell[i] & born));
        }
    }
    for (long y = 0; y < count; y++) trim(out + y * words, words, width);
}

/* One generation, in strips of rows that fit the first-level cache */
void JOIN(life_step, LEVEL)(const uint64_t *in, uint64_t *out, long rows, long words, long width, int wrap, int birth,
                            int survive, uint64_t *scratch) {
    const long strip = LIFE_STRIP(words);
    uint64_t *with_halo = scratch, *rest = scratch + (strip + 2) * words;
    const size_t row_bytes = sizeof(uint64_t) * words;
    for (long y = 0; y < rows; y += strip) {
        long count = rows - y < strip ? rows - y : strip;
        memcpy(with_halo + words, in + y * words, row_bytes * count);
        if (y > 0 || wrap) memcpy(with_halo, in + ((y + rows - 1) % rows) * words, row_bytes);
        else memset(with_halo, 0, row_bytes);
        if (y + count < rows || wrap) memcpy(with_halo + (count + 1) * words, in + ((y + count) % rows) * words, row_bytes);
        else memset(with_halo + (count + 1) * words, 0, row_bytes);
        life_strip(with_halo, out + y * words, count, words, width, wrap, birth, survive, rest);
    }
}

void JOIN(automaton_step, LEVEL)(const uint64_t *in, uint64_t *out, long width, int rule, int wrap, uint64_t *t) {
    long words = (width + 63) / 64;
    uint64_t *left = t, *right = t + words; /* left holds the left neighbour of each cell */
    neighbours(in, left, right, words, width, wrap);
    for (long i = 0; i < words; i++) {
        uint64_t result = 0;
        for (int k = 0; k < 8; k++) {
            uint64_t is = (k & 4 ? left[i] : ~left[i]) & (k & 2 ? in[i] : ~in[i]) & (k & 1 ? right[i] : ~right[i]);
            result |= is & -(uint64_t)(rule >> k & 1);
        }
        out[i] = result;
    }
    trim(out, words, width);
}

static inline double inverse_root(double r2) { return 1.0 / sqrt(r2); }

/* position and acceleration as three planes of n; softened gravity of all pairs */
void JOIN(accelerations, LEVEL)(long n, const double *position, const double *mass, double *acceleration, double g,
                                double softening_sq) {
    const double *x = position, *y = position + n, *z = position + 2 * n;
    for (long i = 0; i < n; i++) {
        double xi = x[i], yi = y[i], zi = z[i], ax = 0.0, ay = 0.0, az = 0.0;
        long j = 0;
#if defined(__AVX512F__)
        /* 1/sqrt by the 14-bit estimate and two Newton steps, against one square root and one division */
        __m512d sx = _mm512_setzero_pd(), sy = sx, sz = sx;
        const __m512d half = _mm512_set1_pd(0.5), three = _mm512_set1_pd(1.5);
        for (; j + 8 <= n; j += 8) {
            __m512d dx = _mm512_sub_pd(_mm512_loadu_pd(x + j), _mm512_set1_pd(xi));
            __m512d dy = _mm512_sub_pd(_mm512_loadu_pd(y + j), _mm512_set1_pd(yi));
            __m512d dz = _mm512_sub_pd(_mm512_loadu_pd(z + j), _mm512_set1_pd(zi));
            __m512d r2 = _mm512_fmadd_pd(dx, dx, _mm512_set1_pd(softening_sq));
            r2 = _mm512_fmadd_pd(dz, dz, _mm512_fmadd_pd(dy, dy, r2));
            __mmask8 apart = _mm512_cmp_pd_mask(r2, _mm512_setzero_pd(), _CMP_GT_OQ);
            __m512d w = _mm512_maskz_rsqrt14_pd(apart, r2), h = _mm512_mul_pd(half, r2);
            w = _mm512_mul_pd(w, _mm512_fnmadd_pd(h, _mm512_mul_pd(w, w), three));
            w = _mm512_mul_pd(w, _mm512_fnmadd_pd(h, _mm512_mul_pd(w, w), three));
            __m512d s = _mm512_mul_pd(_mm512_loadu_pd(mass + j), _mm512_mul_pd(w, _mm512_mul_pd(w, w)));
            sx = _mm512_fmadd_pd(s, dx, sx);
            sy = _mm512_fmadd_pd(s, dy, sy);
            sz = _mm512_fmadd_pd(s, dz, sz);
        }
        ax = _mm512_reduce_add_pd(sx);
        ay = _mm512_reduce_add_pd(sy);
        az = _mm512_reduce_add_pd(sz);
#else
        enum { W = LANES };
        vector sx = {0}, sy = {0}, sz = {0};
        for (; j + W <= n; j += W) {
            vector dx, dy, dz, m, w;
            memcpy(&dx, x + j, sizeof dx);
            memcpy(&dy, y + j, sizeof dy);
            memcpy(&dz, z + j, sizeof dz);
            memcpy(&m, mass + j, sizeof m);
            dx -= xi;
            dy -= yi;
            dz -= zi;
            vector r2 = dx * dx + dy * dy + dz * dz + softening_sq;
            for (int k = 0; k < W; k++) w[k] = r2[k] > 0.0 ? inverse_root(r2[k]) : 0.0;
            vector s = m * w * w * w;
            sx += s * dx;
            sy += s * dy;
            sz += s * dz;
        }
        for (int k = 0; k < W; k++) {
            ax += sx[k];
            ay += sy[k];
            az += sz[k];
        }
#endif
        for (; j < n; j++) {
            double dx = x[j] - xi, dy = y[j] - yi, dz = z[j] - zi, r2 = dx * dx + dy * dy + dz * dz + softening_sq;
            double w = r2 > 0.0 ? inverse_root(r2) : 0.0, s = mass[j] * w * w * w;
            ax += s * dx;
            ay += s * dy;
            az += s * dz;
        }
        acceleration[i] = g * ax;
        acceleration[n + i] = g * ay;
        acceleration[2 * n + i] = g * az;
    }
}
