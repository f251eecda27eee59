/* The inner loops of the sieve. Primes up to 37 are removed by three periodic patterns, the others by striking one
 * byte stream for each of the eight residues. */
#include "sieve.h"

#include <string.h>

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)

static const uint8_t INVERSE_30[30] = {0, 1, 0, 0, 0, 0, 0, 13, 0, 0, 0, 11, 0, 7, 0, 0, 0, 23, 0, 19, 0, 0, 0, 17,
                                       0, 0, 0, 0, 0, 29};

/* Where the first multiple of p in every residue class, at least p*p and in this segment or later, stands */
static void locate(uint32_t p, uint64_t first_byte, uint32_t *position) {
    uint64_t low = 30 * first_byte, q0 = (low + p - 1) / p;
    if (q0 < p) q0 = p;
    for (int k = 0; k < 8; k++) {
        uint32_t wanted = RESIDUES[k] * INVERSE_30[p % 30] % 30, now = (uint32_t)(q0 % 30);
        uint64_t q = q0 + (wanted + 30 - now) % 30;
        position[k] = (uint32_t)(q * p / 30 - first_byte);
    }
}

static inline __attribute__((always_inline)) uint32_t strike(uint8_t *bytes, uint32_t at, uint32_t p, uint8_t keep) {
    while (at + 3 * (uint64_t)p < SEGMENT_BYTES) {
        bytes[at] &= keep;
        bytes[at + p] &= keep;
        bytes[at + 2 * p] &= keep;
        bytes[at + 3 * p] &= keep;
        at += 4 * p;
    }
    while (at < SEGMENT_BYTES) {
        bytes[at] &= keep;
        at += p;
    }
    return at - SEGMENT_BYTES;
}

/* Sieve the current segment and move on to the next. A set bit is a number without a sieving prime below its root. */
void JOIN(sieve_segment, LEVEL)(sieve *s) {
    uint8_t *bytes = (uint8_t *)s->segment;
    const uint64_t high = 30 * (s->first_byte + SEGMENT_BYTES);
    for (int k = 0; k < PATTERN_COUNT; k++) {
        const uint8_t *pattern = s->patterns[k]; /* one period and a segment beyond it */
        const uint64_t *from = (const uint64_t *)(pattern + s->first_byte % s->periods[k]);
        for (long i = 0; i < SEGMENT_BYTES / 8; i++) {
            uint64_t word;
            memcpy(&word, from + i, 8);
            s->segment[i] = k ? s->segment[i] & word : word;
        }
    }
    while (s->active < s->prime_count && (uint64_t)s->primes[s->active] * s->primes[s->active] < high) {
        locate(s->primes[s->active], s->first_byte, s->position[s->active]);
        s->active++;
    }
    for (long i = 0; i < s->active; i++) {
        const uint32_t p = s->primes[i];
        uint32_t *at = s->position[i];
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++) at[k] = strike(bytes, at[k], p, (uint8_t)~(1u << k));
    }
    s->first_byte += SEGMENT_BYTES;
}

/* Set bits in the words from..to of the segment */
long JOIN(sieve_count, LEVEL)(const sieve *s, long from, long to) {
    long total = 0;
    for (long i = from; i < to; i++) total += __builtin_popcountll(s->segment[i]);
    return total;
}
