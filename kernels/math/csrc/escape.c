/* Escape times of z -> z*z + c over a grid. Compiled once per instruction set; LEVEL is the suffix of the names.
 *
 * Neighbouring points escape at very different times, so lanes of a vector would idle until the last one is done.
 * Therefore a list of points is run for a few steps, those that still move are packed together, and the rest runs for
 * twice as many. */
#include <string.h>

#include "dynamics.h"
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)

enum { WIDTH = LANES * GROUPS, SEGMENT = 512, ROOM = 4096, FIRST_STOP = 4 };

typedef struct {
    double cr[ROOM + WIDTH], ci[ROOM + WIDTH], zr[ROOM + WIDTH], zi[ROOM + WIDTH];
    int32_t index[ROOM + WIDTH]; /* of the point in the picture */
    long count;
} points;

typedef struct {
    int max_steps;
    double limit;
    int32_t *counts;
    double *sizes; /* NULL: not wanted */
} picture;

/* the main cardioid and the disc left of it, where nothing escapes */
static inline int interior(double x, double y) {
    double q = (x - 0.25) * (x - 0.25) + y * y;
    return (q * (q + (x - 0.25)) <= 0.25 * y * y) | ((x + 1.0) * (x + 1.0) + y * y <= 0.0625);
}

#if defined(__AVX512F__)
/* A block of points: `steps` steps, then its survivors to place `kept` of the list; returns the next place. */
static inline __attribute__((always_inline)) long run_block(points *list, long start, long here, long kept, int base,
                                                            int steps, const picture *to, int with_sizes) {
    const __m512d limit = _mm512_set1_pd(to->limit), two = _mm512_set1_pd(2.0);
    const __m512i one = _mm512_set1_epi64(1);
    __m512d zr[GROUPS], zi[GROUPS], cr[GROUPS], ci[GROUPS], size[GROUPS];
    __m512i count[GROUPS];
    __mmask8 alive[GROUPS];
    for (int g = 0; g < GROUPS; g++) {
        const long i = start + g * LANES, left = here - g * LANES;
        zr[g] = _mm512_loadu_pd(list->zr + i), zi[g] = _mm512_loadu_pd(list->zi + i);
        cr[g] = _mm512_loadu_pd(list->cr + i), ci[g] = _mm512_loadu_pd(list->ci + i);
        size[g] = _mm512_setzero_pd();
        count[g] = _mm512_set1_epi64(base);
        alive[g] = left >= LANES ? 0xFF : left <= 0 ? 0 : (__mmask8)((1u << left) - 1);
    }
    for (int s = 0; s < steps; s++)
        for (int g = 0; g < GROUPS; g++) {
            __m512d rr = _mm512_mul_pd(zr[g], zr[g]), ii = _mm512_mul_pd(zi[g], zi[g]), now = _mm512_add_pd(rr, ii);
            if (with_sizes) size[g] = _mm512_mask_mov_pd(size[g], alive[g], now);
            alive[g] = _mm512_mask_cmp_pd_mask(alive[g], now, limit, _CMP_LE_OQ);
            count[g] = _mm512_mask_add_epi64(count[g], alive[g], count[g], one);
            zi[g] = _mm512_add_pd(_mm512_mul_pd(_mm512_mul_pd(zr[g], two), zi[g]), ci[g]);
            zr[g] = _mm512_add_pd(_mm512_sub_pd(rr, ii), cr[g]);
        }
    for (int g = 0; g < GROUPS; g++) {
        const long i = start + g * LANES, left = here - g * LANES < LANES ? here - g * LANES : LANES;
        int64_t steps_of[LANES];
        double size_of[LANES];
        _mm512_storeu_si512(steps_of, count[g]);
        if (with_sizes) _mm512_storeu_pd(size_of, size[g]);
        const __m256i index = _mm256_loadu_si256((const __m256i *)(list->index + i));
        for (long lane = 0; lane < left; lane++) {
            to->counts[list->index[i + lane]] = (int32_t)steps_of[lane];
            if (with_sizes) to->sizes[list->index[i + lane]] = size_of[lane];
        }
        /* packed in a register: a packing store is slow on some processors */
        _mm512_storeu_pd(list->zr + kept, _mm512_maskz_compress_pd(alive[g], zr[g]));
        _mm512_storeu_pd(list->zi + kept, _mm512_maskz_compress_pd(alive[g], zi[g]));
        _mm512_storeu_pd(list->cr + kept, _mm512_maskz_compress_pd(alive[g], cr[g]));
        _mm512_storeu_pd(list->ci + kept, _mm512_maskz_compress_pd(alive[g], ci[g]));
        _mm256_storeu_si256((__m256i *)(list->index + kept), _mm256_maskz_compress_epi32(alive[g], index));
        kept += __builtin_popcount(alive[g]);
    }
    return kept;
}
#else
typedef double vector __attribute__((vector_size(LANE_BYTES)));
typedef int64_t mask __attribute__((vector_size(LANE_BYTES)));

static inline __attribute__((always_inline)) long run_block(points *list, long start, long here, long kept, int base,
                                                            int steps, const picture *to, int with_sizes) {
    int64_t moving[WIDTH], steps_of[WIDTH];
    double size_of[WIDTH], last_r[WIDTH], last_i[WIDTH];
    vector zr[GROUPS], zi[GROUPS], cr[GROUPS], ci[GROUPS], size[GROUPS];
    mask alive[GROUPS], count[GROUPS];
    for (long i = 0; i < WIDTH; i++) moving[i] = i < here ? -1 : 0;
    for (int g = 0; g < GROUPS; g++) {
        const long i = start + g * LANES;
        memcpy(&zr[g], list->zr + i, LANE_BYTES);
        memcpy(&zi[g], list->zi + i, LANE_BYTES);
        memcpy(&cr[g], list->cr + i, LANE_BYTES);
        memcpy(&ci[g], list->ci + i, LANE_BYTES);
        memcpy(&alive[g], moving + g * LANES, LANE_BYTES);
        size[g] = (vector){0};
        count[g] = (mask){0} + base;
    }
    for (int s = 0; s < steps; s++)
        for (int g = 0; g < GROUPS; g++) {
            vector rr = zr[g] * zr[g], ii = zi[g] * zi[g], now = rr + ii;
            if (with_sizes) size[g] = (vector)(((mask)now & alive[g]) | ((mask)size[g] & ~alive[g]));
            alive[g] &= now <= to->limit;
            count[g] -= alive[g];
            zi[g] = (zr[g] + zr[g]) * zi[g] + ci[g];
            zr[g] = rr - ii + cr[g];
        }
    memcpy(moving, alive, sizeof moving);
    memcpy(steps_of, count, sizeof steps_of);
    memcpy(size_of, size, sizeof size_of);
    memcpy(last_r, zr, sizeof last_r);
    memcpy(last_i, zi, sizeof last_i);
    for (long i = 0; i < here; i++) {
        const int32_t index = list->index[start + i];
        to->counts[index] = (int32_t)steps_of[i];
        if (with_sizes) to->sizes[index] = size_of[i];
        list->cr[kept] = list->cr[start + i], list->ci[kept] = list->ci[start + i];
        list->zr[kept] = last_r[i], list->zi[kept] = last_i[i];
        list->index[kept] = index;
        kept += moving[i] != 0;
    }
    return kept;
}
#endif

/* All points of the list, which have made `base` steps */
static void run(points *list, int base, const picture *to) {
    for (int stop = FIRST_STOP; base < to->max_steps && list->count; base = stop, stop *= 2) {
        const long n = list->count;
        long kept = 0;
        if (stop > to->max_steps || stop < base) stop = to->max_steps;
        for (long i = n; i < n + WIDTH; i++) list->zr[i] = list->zi[i] = list->cr[i] = list->ci[i] = 0.0;
        for (long start = 0; start < n; start += WIDTH) {
            const long here = n - start < WIDTH ? n - start : WIDTH;
            kept = to->sizes ? run_block(list, start, here, kept, base, stop - base, to, 1)
                             : run_block(list, start, here, kept, base, stop - base, to, 0);
        }
        list->count = kept;
    }
    list->count = 0;
}

/* Point `from` of a row with its start to place `to` of the list; outside[from] says whether it may escape */
static inline long add_point(points *list, long to, const double *x, double y, long from, long first,
                             const double *fixed_c, int64_t outside) {
    list->zr[to] = x[from], list->zi[to] = y;
    list->cr[to] = fixed_c ? fixed_c[0] : x[from], list->ci[to] = fixed_c ? fixed_c[1] : y;
    list->index[to] = (int32_t)(first + from);
    return to + (outside != 0);
}
/* Part of a row into the list, less the points that are known not to escape. After one step z is c. */
static void add(points *list, const double *x, double y, long n, long first, const double *fixed_c, const picture *to) {
    int64_t outside[SEGMENT];
    for (long i = 0; i < n; i++) outside[i] = fixed_c || !interior(x[i], y);
    for (long i = 0; i < n; i++) to->counts[first + i] = to->max_steps;
    if (to->sizes) memset(to->sizes + first, 0, sizeof(double) * n);
    long count = list->count, i = 0;
#if defined(__AVX512F__)
    const __m512d row = _mm512_set1_pd(y), cr = _mm512_set1_pd(fixed_c ? fixed_c[0] : 0.0);
    const __m512d ci = _mm512_set1_pd(fixed_c ? fixed_c[1] : y);
    __m256i index = _mm256_add_epi32(_mm256_set1_epi32((int)first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    for (; i + LANES <= n; i += LANES) {
        const __m512i may = _mm512_loadu_si512(outside + i);
        const __mmask8 chosen = _mm512_test_epi64_mask(may, may);
        const __m512d zr = _mm512_maskz_compress_pd(chosen, _mm512_loadu_pd(x + i));
        _mm512_storeu_pd(list->zr + count, zr);
        _mm512_storeu_pd(list->zi + count, row);
        _mm512_storeu_pd(list->cr + count, fixed_c ? cr : zr);
        _mm512_storeu_pd(list->ci + count, ci);
        _mm256_storeu_si256((__m256i *)(list->index + count), _mm256_maskz_compress_epi32(chosen, index));
        index = _mm256_add_epi32(index, _mm256_set1_epi32(LANES));
        count += __builtin_popcount(chosen);
    }
#endif
    for (; i < n; i++) count = add_point(list, count, x, y, i, first, fixed_c, outside[i]);
    list->count = count;
}

/* counts takes the steps until |z|^2 > limit, max_steps if never, row by row; sizes, unless NULL, the |z|^2 then.
 * A point is x + iy: c itself, with z from 0, or the start of z for the fixed c. At most 2^31 - 1 points. */
void JOIN(escape_quadratic, LEVEL)(const double *x, long columns, const double *y, long rows, const double *fixed_c,
                                   int max_steps, double limit, int32_t *counts, double *sizes) {
    points list;
    const picture to = {max_steps, limit, counts, sizes};
    /* z = 0 becomes c in the first step, which nothing but a negative limit forbids */
    const int base = fixed_c == NULL;
    list.count = 0;
    for (long row = 0; row < rows; row++)
        for (long start = 0; start < columns; start += SEGMENT) {
            const long n = columns - start < SEGMENT ? columns - start : SEGMENT;
            if (list.count + n > ROOM) run(&list, base, &to);
            add(&list, x + start, y[row], n, row * columns + start, fixed_c, &to);
        }
    run(&list, base, &to);
}
