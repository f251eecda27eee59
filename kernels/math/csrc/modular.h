/* Elimination modulo a prime below 2^31 on doubles, and modulo 2 on bits; compiled once per instruction set. */
#pragma once
#include <stdint.h>

enum { MOST_UNKNOWNS = 64 }; /* of upper_solve */

#define DECLARE_MODULAR(level)                                                                                       \
    void accumulate_##level(double *, long, const double *, const double *, long, long, double, double);             \
    void split_halves_##level(const double *, long, double *, double *, long, long);                                 \
    void load_residues_##level(const int64_t *, double *, long, int64_t);                                            \
    long eliminate_##level(double *, long, double *, long, long, long, long, long, long, double, int64_t *, int *);  \
    void lower_solve_##level(const double *, long, double *, long, long, long, double);                              \
    void upper_solve_##level(const double *, long, double *, long, long, long, double);                              \
    void store_residues_##level(const double *, long, int64_t *, long, long, int64_t);                               \
    void pack_bits_##level(const int64_t *, uint64_t *, long, long, long);                                           \
    long eliminate_bits_##level(uint64_t *, long, long, long, int, int64_t *);
