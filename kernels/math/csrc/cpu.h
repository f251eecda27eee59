/* Instruction-set levels, by CPU feature and not by CPU name. */
#pragma once
#include <stdlib.h>
#include <string.h>

enum { LEVEL_BASELINE = 0, LEVEL_AVX2 = 1, LEVEL_AVX512 = 2, LEVEL_COUNT = 3 };

static inline int best_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma"))
        return LEVEL_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return LEVEL_AVX2;
#endif
    return LEVEL_BASELINE;
}
static inline const char *level_name(int level) {
#if defined(__aarch64__)
    return "neon";
#else
    return level == LEVEL_AVX512 ? "avx512" : level == LEVEL_AVX2 ? "avx2" : "baseline";
#endif
}
/* The level to start with: COLLEGIUM_MATH_ISA when it names one that this CPU has, else the best. */
static inline int initial_level(void) {
    int best = best_level();
    const char *wish = getenv("COLLEGIUM_MATH_ISA");
    for (int level = 0; wish && level <= best; level++)
        if (strcmp(wish, level_name(level)) == 0) return level;
    return best;
}
/* LEVELS(x) names the functions of every compiled level, for tables indexed by level. */
#if defined(__x86_64__)
#define LEVELS(name) {name##_baseline, name##_avx2, name##_avx512}
#else
#define LEVELS(name) {name##_baseline, name##_baseline, name##_baseline}
#endif
