/* Escape times of z -> z*z + c, cellular automata in bit-parallel form, gravity by direct summation. */
#include "dynamics.h"

#include <math.h>
#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)

typedef double vector __attribute__((vector_size(LANE_BYTES)));
typedef int64_t mask __attribute__((vector_size(LANE_BYTES)));

static inline int interior(double x, double y) {
    double q = (x - 0.25) * (x - 0.25) + y * y;
    return q * (q + (x - 0.25)) <= 0.25 * y * y || (x + 1.0) * (x + 1.0) + y * y <= 0.0625;
}
static inline int any(mask m) {
    int64_t sum = 0;
    for (int i = 0; i < LANES; i++) sum |= m[i];
    return sum != 0;
}

/* counts[i]: steps until |z|^2 > limit, max_steps if never; sizes[i]: |z|^2 then. */
void JOIN(escape_quadratic, LEVEL)(const double *zr0, const double *zi0, const double *cr0, const double *ci0, long n,
                                   int max_steps, double limit, int skip_interior, int32_t *counts, double *sizes) {
    enum { WIDTH = LANES * GROUPS };
    for (long start = 0; start < n; start += WIDTH) {
        vector zr[GROUPS], zi[GROUPS], cr[GROUPS], ci[GROUPS], size[GROUPS];
        mask alive[GROUPS], count[GROUPS];
        for (int g = 0; g < GROUPS; g++)
            for (int i = 0; i < LANES; i++) {
                long k = start + g * LANES + i, at = k < n ? k : n - 1;
                zr[g][i] = zr0[at];
                zi[g][i] = zi0[at];
                cr[g][i] = cr0[at];
                ci[g][i] = ci0[at];
                size[g][i] = 0.0;
                int skip = k >= n || (skip_interior && interior(cr0[at], ci0[at]));
                alive[g][i] = skip ? 0 : -1;
                count[g][i] = skip ? max_steps : 0;
            }
        for (int step = 0; step < max_steps; step += 4) {
            int left = max_steps - step < 4 ? max_steps - step : 4;
            for (int s = 0; s < left; s++)
                for (int g = 0; g < GROUPS; g++) {
                    vector rr = zr[g] * zr[g], ii = zi[g] * zi[g], now = rr + ii;
                    mask inside = now <= limit;
                    size[g] = (vector)(((mask)now & alive[g]) | ((mask)size[g] & ~alive[g]));
                    alive[g] &= inside;
                    count[g] -= alive[g];
                    zi[g] = (zr[g] + zr[g]) * zi[g] + ci[g];
                    zr[g] = rr - ii + cr[g];
                }
            mask all = alive[0] | alive[1] | alive[2] | alive[3];
            if (!any(all)) break;
        }
        for (int g = 0; g < GROUPS; g++)
            for (int i = 0; i < LANES; i++) {
                long k = start + g * LANES + i;
                if (k >= n) continue;
                counts[k] = (int32_t)count[g][i];
                sizes[k] = size[g][i];
            }
    }
}

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

/* Horizontal sums of three cells as two bit planes, for one row */
static void row_sums(const uint64_t *row, uint64_t *low, uint64_t *high, long words, long width, int wrap, uint64_t *t) {
    uint64_t *left = t, *right = t + words;
    neighbours(row, left, right, words, width, wrap);
    for (long i = 0; i < words; i++) {
        uint64_t l = left[i], c = row[i], r = right[i], x = l ^ r;
        low[i] = x ^ c;
        high[i] = (l & r) | (x & c);
    }
}

/* One generation. The sum of all nine cells stands in four bit planes; birth and survival are sets of sums, bit k
 * for k neighbours; a living cell counts itself, so its set is moved up by one. */
void JOIN(life_step, LEVEL)(const uint64_t *in, uint64_t *out, long rows, long words, long width, int wrap, int birth,
                            int survive, uint64_t *scratch) {
    uint64_t *plane[3][2], *t = scratch + 6 * words;
    for (int k = 0; k < 3; k++) {
        plane[k][0] = scratch + 2 * k * words;
        plane[k][1] = plane[k][0] + words;
    }
    memset(scratch, 0, sizeof(uint64_t) * 6 * words);
    if (wrap) row_sums(in + (rows - 1) * words, plane[0][0], plane[0][1], words, width, wrap, t);
    row_sums(in, plane[1][0], plane[1][1], words, width, wrap, t);
    for (long y = 0; y < rows; y++) {
        uint64_t *a0 = plane[y % 3][0], *a1 = plane[y % 3][1], *b0 = plane[(y + 1) % 3][0];
        uint64_t *b1 = plane[(y + 1) % 3][1], *c0 = plane[(y + 2) % 3][0], *c1 = plane[(y + 2) % 3][1];
        if (y + 1 < rows || wrap) row_sums(in + ((y + 1) % rows) * words, c0, c1, words, width, wrap, t);
        else memset(c0, 0, sizeof(uint64_t) * 2 * words);
        const uint64_t *cell = in + y * words;
        uint64_t *result = out + y * words;
        for (long i = 0; i < words; i++) {
            uint64_t x = a0[i] ^ b0[i], s0 = x ^ c0[i], k1 = (a0[i] & b0[i]) | (x & c0[i]);
            uint64_t u = a1[i] ^ b1[i], v = u ^ c1[i], k2 = (a1[i] & b1[i]) | (u & c1[i]);
            uint64_t s1 = v ^ k1, k3 = v & k1, s2 = k2 ^ k3, s3 = k2 & k3;
            uint64_t live = 0, dead = 0;
            for (int k = 0; k <= 9; k++) {
                if (!((birth >> k & 1) | (survive << 1 >> k & 1))) continue;
                uint64_t is = (k & 1 ? s0 : ~s0) & (k & 2 ? s1 : ~s1) & (k & 4 ? s2 : ~s2) & (k & 8 ? s3 : ~s3);
                dead |= is & -(uint64_t)(birth >> k & 1);
                live |= is & -(uint64_t)(survive << 1 >> k & 1);
            }
            result[i] = (cell[i] & live) | (~cell[i] & dead);
        }
        trim(result, words, width);
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
