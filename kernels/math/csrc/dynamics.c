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

/* Life-like automata: a grid lies in rows + 2 rows of words + 2 words, with the cells beyond the border around it. */
static void fill_border(uint64_t *grid, long rows, long words, long width, int wrap) {
    const long stride = words + 2;
    const int used = (int)(width & 63), top = (int)((width - 1) & 63); /* cells of a last word that is not full */
    for (long y = 1; y <= rows; y++) {
        uint64_t *row = grid + y * stride + 1;
        const uint64_t first = wrap ? row[0] & 1 : 0, last = wrap ? row[words - 1] >> top & 1 : 0;
        if (used) row[words - 1] = (row[words - 1] & ((1ULL << used) - 1)) | first << used;
        row[-1] = last << 63;
        row[words] = first;
    }
    uint64_t *above = grid, *below = grid + (rows + 1) * stride;
    const size_t row_bytes = sizeof(uint64_t) * stride;
    if (wrap) {
        memcpy(above, below - stride, row_bytes);
        memcpy(below, grid + stride, row_bytes);
    } else {
        memset(above, 0, row_bytes);
        memset(below, 0, row_bytes);
    }
}

static inline __attribute__((always_inline)) uint64_t choose(uint64_t bit, uint64_t zero, uint64_t one) {
    return zero ^ (bit & (zero ^ one));
}

/* One generation of n words from the sums of three cells side by side, in two bit planes. The sum of all nine cells
 * stands in four planes; a living cell counts itself, so that it stays with a sum of one more than its neighbours. */
static inline __attribute__((always_inline)) void next_cells(const uint64_t *cells, const uint64_t *low,
                                                             const uint64_t *high, uint64_t *out, long n, long stride,
                                                             int birth, int survive) {
    uint64_t born[10], stays[10];
    for (int k = 0; k < 10; k++) {
        born[k] = -(uint64_t)(birth >> k & 1);
        stays[k] = -(uint64_t)(survive << 1 >> k & 1);
    }
#define WITH_SUM(k) choose(cells[i], born[k], stays[k])
#define WITH_SUMS(k) choose(s0, WITH_SUM(k), WITH_SUM(k + 1))
#pragma GCC ivdep
    for (long i = 0; i < n; i++) {
        uint64_t a0 = low[i], b0 = low[i + stride], c0 = low[i + 2 * stride], x = a0 ^ b0;
        uint64_t a1 = high[i], b1 = high[i + stride], c1 = high[i + 2 * stride], u = a1 ^ b1, v = u ^ c1;
        uint64_t k1 = (a0 & b0) | (x & c0), k2 = (a1 & b1) | (u & c1), k3 = v & k1;
        uint64_t s0 = x ^ c0, s1 = v ^ k1, s2 = k2 ^ k3, s3 = k2 & k3;
        uint64_t few = choose(s1, WITH_SUMS(0), WITH_SUMS(2)), more = choose(s1, WITH_SUMS(4), WITH_SUMS(6));
        out[i] = choose(s3, choose(s2, few, more), WITH_SUMS(8));
    }
}

/* One generation, in strips of rows that fit the first-level cache; the border of `in` is filled first */
void JOIN(life_step, LEVEL)(uint64_t *in, uint64_t *out, long rows, long words, long width, int wrap, int birth,
                            int survive, uint64_t *scratch) {
    const long stride = words + 2, strip = LIFE_STRIP(words);
    fill_border(in, rows, words, width, wrap);
    for (long y = 0; y < rows; y += strip) {
        const long count = rows - y < strip ? rows - y : strip, n = count * stride, halo = n + 2 * stride;
        const uint64_t *from = in + y * stride;
        uint64_t *low = scratch, *high = low + halo, *to = out + (y + 1) * stride;
        low[0] = high[0] = low[halo - 1] = high[halo - 1] = 0; /* beyond the border */
#pragma GCC ivdep
        for (long i = 1; i < halo - 1; i++) {
            uint64_t left = from[i] << 1 | from[i - 1] >> 63, right = from[i] >> 1 | from[i + 1] << 63;
            uint64_t x = left ^ right;
            low[i] = x ^ from[i];
            high[i] = (left & right) | (x & from[i]);
        }
        if (birth == 1 << 3 && survive == (1 << 2 | 1 << 3)) /* Conway's rule, known when this is compiled */
            next_cells(from + stride, low, high, to, n, stride, 1 << 3, 1 << 2 | 1 << 3);
        else
            next_cells(from + stride, low, high, to, n, stride, birth, survive);
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
            __mmask8 apart = (__mmask8)~_mm512_fpclass_pd_mask(r2, 0x0E); /* neither 0 nor infinite */
            __m512d w = _mm512_rsqrt14_pd(r2), h = _mm512_mul_pd(half, r2);
            w = _mm512_mul_pd(w, _mm512_fnmadd_pd(h, _mm512_mul_pd(w, w), three));
            w = _mm512_maskz_mul_pd(apart, w, _mm512_fnmadd_pd(h, _mm512_mul_pd(w, w), three));
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
