/* Montgomery arithmetic modulo an odd n below 2^64 */
#pragma once
#include <stdint.h>

typedef unsigned __int128 wide;

/* 1/n modulo 2^64 by Newton's iteration */
static inline uint64_t montgomery_inverse(uint64_t n) {
    uint64_t inverse = n;
    for (int i = 0; i < 5; i++) inverse *= 2 - n * inverse;
    return inverse;
}
static inline uint64_t reduce(wide x, uint64_t n, uint64_t inverse) {
    uint64_t q = (uint64_t)x * inverse;
    uint64_t high = (uint64_t)(x >> 64), back = (uint64_t)(((wide)q * n) >> 64);
    return high >= back ? high - back : high - back + n;
}
static inline uint64_t twice(uint64_t x, uint64_t n) { return x >= n - x ? x - (n - x) : x + x; }
static inline uint64_t sum_mod(uint64_t x, uint64_t y, uint64_t n) { return x >= n - y ? x - (n - y) : x + y; }
static inline uint64_t difference_mod(uint64_t x, uint64_t y, uint64_t n) { return x >= y ? x - y : x + (n - y); }
