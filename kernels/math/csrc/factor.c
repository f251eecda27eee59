/* Prime factors of 64-bit numbers: trial division, then the elliptic curve method with two stages (Montgomery 1987,
 * "Speeding the Pollard and elliptic curve methods of factorization"; Cohen, 10.3) on curves of Suyama's family. */
#include <math.h>

#include "montgomery.h"
#include "number_theory.h"

enum { STAGE_ONE = 120, WHEEL = 60, GIANT_STEPS = 54, CURVES = 100, TRIAL_PRIMES = 1000 };

typedef struct {
    uint64_t n, inverse, a24; /* a24: (A + 2)/4 of the curve B y^2 = x^3 + A x^2 + x */
} curve;
typedef struct {
    uint64_t x, z;
} point;

#define MUL(a, b) reduce((wide)(a) * (b), c->n, c->inverse)
#define ADD(a, b) sum_mod(a, b, c->n)
#define SUB(a, b) difference_mod(a, b, c->n)

static inline point twofold(const curve *c, point p) {
    uint64_t s = ADD(p.x, p.z), d = SUB(p.x, p.z);
    s = MUL(s, s), d = MUL(d, d);
    uint64_t t = SUB(s, d);
    return (point){MUL(s, d), MUL(t, ADD(d, MUL(c->a24, t)))};
}
/* p + q, where `apart` is p - q */
static inline point sum(const curve *c, point p, point q, point apart) {
    uint64_t u = MUL(SUB(p.x, p.z), ADD(q.x, q.z)), v = MUL(ADD(p.x, p.z), SUB(q.x, q.z));
    uint64_t s = ADD(u, v), d = SUB(u, v);
    return (point){MUL(apart.z, MUL(s, s)), MUL(apart.x, MUL(d, d))};
}
static point multiple(const curve *c, point p, uint64_t k) {
    if (k == 1) return p;
    point low = p, high = twofold(c, p);
    for (int bit = 62 - __builtin_clzll(k); bit >= 0; bit--) {
        if (k >> bit & 1) {
            low = sum(c, low, high, p);
            high = twofold(c, high);
        } else {
            high = sum(c, low, high, p);
            low = twofold(c, low);
        }
    }
    return low;
}
static uint64_t greatest_divisor(uint64_t a, uint64_t b) {
    while (b) {
        uint64_t rest = a % b;
        a = b, b = rest;
    }
    return a;
}
/* 1/a modulo n, or 0 where they have a factor in common */
static uint64_t inverse_mod(uint64_t a, uint64_t n) {
    uint64_t r0 = n, r1 = a;
    __int128 t0 = 0, t1 = 1;
    while (r1) {
        uint64_t q = r0 / r1, r = r0 - q * r1;
        __int128 t = t0 - (__int128)q * t1;
        r0 = r1, r1 = r, t0 = t1, t1 = t;
    }
    return r0 != 1 ? 0 : (uint64_t)(t0 < 0 ? t0 + n : t0);
}

/* Suyama's curve for sigma and a point on it; 0 when it cannot be had modulo n */
static int choose_curve(curve *c, uint64_t sigma, point *start) {
    const uint64_t n = c->n, one = (uint64_t)(((wide)1 << 64) % n), square = (uint64_t)((wide)one * one % n);
    uint64_t s = MUL(sigma % n, square), four = twice(twice(one, n), n);
    uint64_t u = SUB(MUL(s, s), ADD(four, one)), v = MUL(four, s);
    uint64_t u3 = MUL(MUL(u, u), u), v3 = MUL(MUL(v, v), v), d = SUB(v, u);
    uint64_t top = MUL(MUL(MUL(d, d), d), ADD(ADD(twice(u, n), u), v));
    uint64_t bottom = MUL(MUL(MUL(four, four), u3), v);
    uint64_t inverse = inverse_mod(reduce(bottom, n, c->inverse), n);
    c->a24 = MUL(top, MUL(inverse, square));
    *start = (point){u3, v3};
    return inverse != 0;
}

/* Multiplication by all prime powers to STAGE_ONE */
static point first_stage(const curve *c, point p) {
    static const uint8_t PRIMES[] = {2,  3,  5,  7,  11, 13, 17, 19, 23, 29, 31, 37,  41,  43,  47,
                                     53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113};
    for (unsigned i = 0; i < sizeof PRIMES; i++) {
        uint64_t power = PRIMES[i];
        while (power * PRIMES[i] <= STAGE_ONE) power *= PRIMES[i];
        p = multiple(c, p, power);
    }
    return p;
}
/* One prime more: the product of x(kW p) z(j p) - x(j p) z(kW p), which vanishes modulo a factor when kW + j or
 * kW - j is a multiple of the order of p there */
static uint64_t second_stage(const curve *c, point p) {
    static const uint8_t STEPS[] = {1, 7, 11, 13, 17, 19, 23, 29}; /* prime to WHEEL, up to WHEEL / 2 */
    point odd[WHEEL / 2];
    uint64_t xz[8], product = p.z;
    point two = twofold(c, p);
    odd[1] = p;
    odd[3] = sum(c, two, p, p);
    for (int j = 5; j < WHEEL / 2; j += 2) odd[j] = sum(c, odd[j - 2], two, odd[j - 4]);
    for (int i = 0; i < 8; i++) xz[i] = MUL(odd[STEPS[i]].x, odd[STEPS[i]].z);
    point wheel = multiple(c, p, WHEEL), before = multiple(c, p, WHEEL * (STAGE_ONE / WHEEL - 1));
    point giant = multiple(c, p, WHEEL * (STAGE_ONE / WHEEL));
    for (int k = 0; k < GIANT_STEPS; k++) {
        uint64_t both = MUL(giant.x, giant.z);
        for (int i = 0; i < 8; i++) {
            point q = odd[STEPS[i]];
            uint64_t cross = MUL(SUB(giant.x, q.x), ADD(giant.z, q.z)); /* xz' - x'z + xz - x'z' */
            product = MUL(product, ADD(SUB(cross, both), xz[i]));
        }
        point next = sum(c, giant, wheel, before);
        before = giant;
        giant = next;
    }
    return product;
}

/* r where n = r^2, r^3, r^5 or r^7, else 0; on powers of one prime all curves fail, for they meet all of n at once */
static uint64_t root_of_power(uint64_t n) {
    for (int e = 2; e <= 7; e += e == 2 ? 1 : 2) {
        uint64_t r = (uint64_t)(pow((double)n, 1.0 / e) + 0.5);
        wide power = 1;
        for (int i = 0; i < e; i++) power *= r;
        if (power == n) return r;
    }
    return 0;
}

/* A proper factor of an odd composite, or 0 after CURVES curves */
static uint64_t proper_factor(uint64_t n) {
    uint64_t root = root_of_power(n);
    if (root) return root;
    curve c = {n, montgomery_inverse(n), 0};
    for (uint64_t sigma = 6; sigma < 6 + CURVES; sigma++) {
        point p;
        if (!choose_curve(&c, sigma, &p)) continue;
        p = first_stage(&c, p);
        uint64_t found = greatest_divisor(n, second_stage(&c, p));
        if (found == n) found = greatest_divisor(n, p.z);
        if (found > 1 && found < n) return found;
    }
    return 0;
}

/* An odd n is a multiple of p when n/p modulo 2^64 is at most (2^64 - 1)/p. */
static struct {
    uint64_t prime, inverse, most;
} trial[TRIAL_PRIMES];
void prepare_factors(void) {
    uint64_t p = 3;
    for (int i = 0; i < TRIAL_PRIMES; p += 2) {
        if (!prime_64(p)) continue;
        trial[i].prime = p;
        trial[i].inverse = montgomery_inverse(p);
        trial[i++].most = UINT64_MAX / p;
    }
}

/* Writes the prime factors of n > 0 with multiplicity, in no order, and returns their number; -1 when a composite
 * withstands all curves. Small factors go first, for a curve meets them all at once. */
int factor_64(uint64_t n, uint64_t *primes) {
    int count = 0, open = 0;
    uint64_t waiting[64];
    for (; !(n & 1); n >>= 1) primes[count++] = 2;
    for (int i = 0; i < TRIAL_PRIMES; i++)
        while (n * trial[i].inverse <= trial[i].most) {
            primes[count++] = trial[i].prime;
            n *= trial[i].inverse;
        }
    if (n > 1) waiting[open++] = n;
    while (open) {
        uint64_t m = waiting[--open];
        if (prime_64(m)) {
            primes[count++] = m;
            continue;
        }
        uint64_t found = proper_factor(m);
        if (!found) return -1;
        waiting[open++] = found;
        waiting[open++] = m / found;
    }
    return count;
}
