/* Machine code of arithmetic programs: the same operations in the same order as the interpreters of vm.c do them for
 * AVX2 and AVX-512, hence the same bits, but with everything in registers. */
#pragma once
#include "program.h"

/* The three shapes of code:
 * MACHINE_SCALAR   int (const program *, double *registers), in place of run_scalar
 * MACHINE_BLOCKS   void (double **arrays, long bytes): inputs, then outputs; bytes a multiple of 8 * group
 * MACHINE_ITERATE  void (double **arrays, long quiet, long kept, long stride): `group` orbits at once; arrays are
 *                  the states (read, and written at the end), the parameters, and where the first kept states go,
 *                  `stride` bytes before the next ones; past_cache: results of more bytes than the cache holds, every
 *                  row of them aligned to 64 bytes, go to memory at once */
typedef void (*machine_blocks)(double *const *arrays, long bytes);
typedef void (*machine_iterate)(double *const *arrays, long quiet, long kept, long stride, long past_cache);

/* Give a program the code of one shape, once, and for the first two make it run that from now on. Nothing happens when
 * the program has an operation or more values than the code can hold, when the processor is another one, or when the
 * system refuses executable memory. */
void machine_prepare(program *p, int level, int form);
void machine_release(program *p);
/* run_blocks by p->machine[MACHINE_BLOCKS] */
int machine_run_blocks(const program *p, const double *const *in, const char *is_scalar, double *const *out, long n,
                       double *scratch, double **table);
