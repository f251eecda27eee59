/* Number theory that needs no vectors: primality, prime counts, arithmetic functions on ranges. */
#pragma once
#include <stdint.h>

int prime_64(uint64_t n);
int64_t prime_pi_lucy(int64_t n);
void smallest_factors(uint32_t *out, long n, uint32_t *primes);
void prepare_factors(void); /* once, before factor_64 */
int factor_64(uint64_t n, uint64_t *primes);
