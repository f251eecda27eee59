/* A register program: a formula as a list of operations on numbered registers.
 *
 * Registers are numbered constants first, then inputs, temporaries and at last outputs. A program never changes
 * once made; every evaluation brings its own registers, so that threads may share it. */
#pragma once
#include <stdint.h>

#include "opcodes.h"

#define OPCODE_ENUM(name) OP_##name,
enum opcode { OPCODES(OPCODE_ENUM, OPCODE_ENUM, OPCODE_ENUM) OPCODE_COUNT };

#define BLOCK 256
#define STACK 192 /* doubles of registers kept on the stack; larger programs allocate */

typedef struct {
    int32_t op, d, a, b, c, f; /* f: first coefficient of POLY, function of the calls */
} instruction;

typedef double (*function1)(double, int);
typedef double (*function2)(double, double, int);

enum { MACHINE_SCALAR, MACHINE_BLOCKS, MACHINE_ITERATE, MACHINE_FORMS };
typedef struct {
    void *entry;  /* NULL: none */
    long group;   /* elements of one round */
    void *memory; /* what machine_release gives back */
    long size;
    int tried;
} machine_code; /* see machine.h */

typedef struct program {
    int32_t constants, inputs, registers, outputs, length;
    const instruction *code;
    const double *values;       /* constants */
    const double *coefficients; /* of all POLY operations */
    const char *spread;         /* which constants the block machine needs as whole blocks */
    void **functions;           /* of CALL1 and CALL2 */
    int (*pycall)(void *owner, int function, const double *args, int count, double *result);
    void *owner;
    int (*run_scalar)(const struct program *, double *registers);
    int (*run_blocks)(const struct program *, const double *const *in, const char *is_scalar, double *const *out,
                      long n, double *scratch, double **table);
    machine_code machine[MACHINE_FORMS];
} program;

/* Elements that the block machine takes at once: small programs need less of the first-level cache for each. */
#define LONG_BLOCK (2 * BLOCK)
static inline long block_length(const program *p) { return p->registers - p->constants <= 8 ? LONG_BLOCK : BLOCK; }
/* doubles of scratch that run_blocks needs */
static inline long scratch_size(const program *p) { return p->registers * block_length(p); }

typedef int (*scalar_runner)(const program *, double *);
typedef int (*block_runner)(const program *, const double *const *, const char *, double *const *, long, double *,
                            double **);
typedef void (*unary_kernel)(double *, const double *, long);

#define DECLARE_LEVEL(level)                                                                                         \
    extern void *const functions_##level[]; /* double (*)(double) or double (*)(double, double), or NULL */          \
    int run_scalar_##level(const program *, double *);                                                               \
    int run_blocks_##level(const program *, const double *const *, const char *, double *const *, long, double *,    \
                           double **);
