#include "number_theory.h"

#include "montgomery.h"

#include <math.h>
#include <stdlib.h>

/* The strong test to base 2: from the highest bit down, where the factor 2 is an addition */
static int passes_two(uint64_t n, uint64_t inverse, uint64_t one) {
    const uint64_t minus_one = n - one;
    int twos = __builtin_ctzll(n - 1);
    uint64_t d = (n - 1) >> twos, x = one;
    for (int bit = 63 - __builtin_clzll(d); bit >= 0; bit--) {
        x = reduce((wide)x * x, n, inverse);
        if (d >> bit & 1) x = twice(x, n);
    }
    if (x == one || x == minus_one) return 1;
    while (--twos > 0) {
        x = reduce((wide)x * x, n, inverse);
        if (x == minus_one) return 1;
    }
    return 0;
}
/* The strong test to six bases together: six independent chains hide the latency of the multiplications. */
enum { TOGETHER = 6 };
static int passes_all(uint64_t n, uint64_t inverse, uint64_t one, uint64_t square, const uint64_t *bases) {
    const uint64_t minus_one = n - one;
    int twos = __builtin_ctzll(n - 1), done = 0;
    uint64_t d = (n - 1) >> twos, a[TOGETHER], x[TOGETHER];
    for (int k = 0; k < TOGETHER; k++) {
        uint64_t base = bases[k] % n;
        if (base == 0) done |= 1 << k;
        a[k] = x[k] = reduce((wide)base * square, n, inverse);
    }
    for (int bit = 62 - __builtin_clzll(d); bit >= 0; bit--) {
        for (int k = 0; k < TOGETHER; k++) x[k] = reduce((wide)x[k] * x[k], n, inverse);
        if (d >> bit & 1)
            for (int k = 0; k < TOGETHER; k++) x[k] = reduce((wide)x[k] * a[k], n, inverse);
    }
    for (int k = 0; k < TOGETHER; k++)
        if (x[k] == one || x[k] == minus_one) done |= 1 << k;
    while (--twos > 0)
        for (int k = 0; k < TOGETHER; k++) {
            x[k] = reduce((wide)x[k] * x[k], n, inverse);
            if (x[k] == minus_one) done |= 1 << k;
        }
    return done == (1 << TOGETHER) - 1;
}
/* Miller and Rabin with seven bases that leave no composite below 2^64 (Sinclair 2011); three suffice below 2^32
 * (Jaeschke 1993: 2, 7, 61 below 4,759,123,141). */
int prime_64(uint64_t n) {
    static const uint64_t BASES[] = {325, 9375, 28178, 450775, 9780504, 1795265022};
    static const uint64_t SMALL[] = {7, 61, 61, 61, 61, 61};
    static const uint8_t FIRST[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
    if (n < 2) return 0;
    for (int i = 0; i < 12; i++)
        if (n % FIRST[i] == 0) return n == FIRST[i];
    if (n < 1369) return 1;
    uint64_t inverse = montgomery_inverse(n);
    uint64_t one = (uint64_t)(((wide)1 << 64) % n), square = (uint64_t)((wide)one * one % n);
    if (!passes_two(n, inverse, one)) return 0;
    return passes_all(n, inverse, one, square, n < 4759123141ULL ? SMALL : BASES);
}

/* floor(n / d) for n < 2^52 by floating point, corrected */
static inline int64_t quotient(double n, int64_t d) { return (int64_t)(n / (double)d); }
static inline int64_t index_of(int64_t m) { return (m - 1) >> 1; }

/* Prime counting by Legendre's recursion on the values floor(n/k) (Lucy's sieve), restricted to odd k that are free of
 * the primes used so far, up to the fourth root; the products of two larger primes are then counted as in Meissel's
 * formula. O(n^(3/4)/log n) time, O(sqrt n) memory. Returns -1 without memory. n < 2^52. */
int64_t prime_pi_lucy(int64_t n) {
    if (n < 3) return n < 2 ? 0 : 1;
    int64_t root = (int64_t)sqrt((double)n);
    while (root * root > n) root--;
    while ((root + 1) * (root + 1) <= n) root++;
    int64_t size = (root + 1) / 2, used = 0;
    const double nf = (double)n;
    int32_t *small = malloc(sizeof(int32_t) * (size + 1));    /* odd numbers > 1, not yet sieved, up to 2i+1 */
    int32_t *rough = malloc(sizeof(int32_t) * (size + 1));    /* odd k without sieved factors */
    int64_t *large = malloc(sizeof(int64_t) * (size + 1));    /* the same count up to n / rough[i] */
    uint8_t *gone = calloc(root + 2, 1);
    if (!small || !rough || !large || !gone) {
        free(small), free(rough), free(large), free(gone);
        return -1;
    }
    for (int64_t i = 0; i < size; i++) {
        small[i] = (int32_t)i;
        rough[i] = (int32_t)(2 * i + 1);
        large[i] = (n / (2 * i + 1) - 1) / 2;
    }
    for (int64_t p = 3; p * p * p * p <= n; p += 2) {
        if (gone[p]) continue;
        gone[p] = 1;
        for (int64_t m = p * p; m <= root; m += 2 * p) gone[m] = 1;
        int64_t kept = 0;
        for (int64_t k = 0; k < size; k++) {
            int64_t r = rough[k];
            if (gone[r]) continue;
            int64_t d = r * p;
            int64_t below = d <= root ? large[small[d >> 1] - used] : small[index_of(quotient(nf, d))];
            large[kept] = large[k] - below + used;
            rough[kept++] = (int32_t)r;
        }
        size = kept;
        int64_t i = index_of(root);
        for (int64_t j = (root / p - 1) | 1; j >= p; j -= 2) {
            int32_t c = (int32_t)(small[j >> 1] - used);
            int64_t end = (j * p) >> 1;
            for (; i >= end; i--) small[i] -= c;
        }
        used++;
    }
    int64_t total = large[0] + (size + 2 * (used - 1)) * (size - 1) / 2;
    for (int64_t k = 1; k < size; k++) total -= large[k];
    for (int64_t l = 1; l < size; l++) {
        int64_t q = rough[l], m = n / q, last = small[index_of(m / q)] - used;
        if (last < l + 1) break;
        int64_t sum = 0;
        const double mf = (double)m;
        for (int64_t k = l + 1; k <= last; k++) sum += small[index_of(quotient(mf, rough[k]))];
        total += sum - (last - l) * (l + used - 1);
    }
    free(small), free(rough), free(large), free(gone);
    return total + 1;
}

/* out[i]: least prime factor of i, for i < n (0 and 1 for 0 and 1); primes: room for the primes below n */
void smallest_factors(uint32_t *out, long n, uint32_t *primes) {
    long count = 0;
    for (long i = 0; i < n; i++) out[i] = i < 2 ? (uint32_t)i : 0;
    for (long i = 2; i < n; i++) {
        if (!out[i]) {
            out[i] = (uint32_t)i;
            primes[count++] = (uint32_t)i;
        }
        const long least = out[i], limit = (n - 1) / i;
        for (long k = 0; k < count; k++) {
            long p = primes[k];
            if (p > least || p > limit) break;
            out[p * i] = (uint32_t)p;
        }
    }
}
