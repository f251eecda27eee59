/* A segmented sieve of Eratosthenes on the residues prime to 30: one byte stands for 30 numbers. */
#pragma once
#include <stdint.h>

#define SEGMENT_BYTES 32768
#define PATTERN_COUNT 3

typedef struct {
    uint64_t first_byte; /* of the current segment: numbers from 30 * first_byte */
    long prime_count, active;
    const uint32_t *primes; /* sieving primes above the pre-sieved ones */
    uint32_t (*position)[8]; /* next byte to strike, per residue, relative to the segment */
    uint8_t *patterns[PATTERN_COUNT];
    uint32_t periods[PATTERN_COUNT];
    uint64_t segment[SEGMENT_BYTES / 8];
} sieve;

static const uint8_t RESIDUES[8] = {1, 7, 11, 13, 17, 19, 23, 29};
#define DECLARE_SIEVE(level)                                                                                         \
    void sieve_segment_##level(sieve *);                                                                             \
    long sieve_count_##level(const sieve *, long, long);
