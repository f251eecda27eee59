/* Kernels of kernels.math.dynamics; compiled once per instruction set. */
#pragma once
#include <stdint.h>

#define DECLARE_DYNAMICS(level)                                                                                      \
    void escape_quadratic_##level(const double *, long, const double *, long, const double *, int, double,           \
                                  int32_t *, double *);                                                              \
    void life_step_##level(uint64_t *, uint64_t *, long, long, long, int, int, int, uint64_t *);               \
    void automaton_step_##level(const uint64_t *, uint64_t *, long, int, int, uint64_t *);                           \
    void accelerations_##level(long, const double *, const double *, double *, double, double);

#if defined(__AVX512F__)
#define LANE_BYTES 64
#elif defined(__AVX2__)
#define LANE_BYTES 32
#else
#define LANE_BYTES 16
#endif
#define LANES (LANE_BYTES / 8)
#define GROUPS 4 /* independent vectors in flight hide the latency of a multiply-add */
/* rows of a strip of a life-like grid, and words of scratch that one generation needs */
#define LIFE_STRIP(words) ((words) + 2 >= 512 ? 1 : 512 / ((words) + 2))
#define LIFE_SCRATCH(words) (2 * (LIFE_STRIP(words) + 2) * ((words) + 2))
