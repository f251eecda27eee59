/* Whole arrays through the machine code of one round. */
#include <string.h>

#include "machine.h"

/* A part that does not fill a round: by way of buffers of one round, padded with its last element. */
static void padded(const program *p, const double *const *in, const char *is_scalar, double *const *out, long start,
                   long count, double *scratch, double **table) {
    const machine_code *code = &p->machine[MACHINE_BLOCKS];
    for (int k = 0; k < p->inputs; k++) {
        double *buffer = table[k] = scratch + (long)k * BLOCK;
        for (long i = 0; i < code->group; i++) buffer[i] = in[k][is_scalar[k] ? 0 : start + (i < count ? i : count - 1)];
    }
    for (int k = 0; k < p->outputs; k++) table[p->inputs + k] = scratch + (long)(p->inputs + k) * BLOCK;
    ((machine_blocks)code->entry)(table, code->group * (long)sizeof(double));
    for (int k = 0; k < p->outputs; k++) memcpy(out[k] + start, table[p->inputs + k], sizeof(double) * count);
}

int machine_run_blocks(const program *p, const double *const *in, const char *is_scalar, double *const *out, long n,
                       double *scratch, double **table) {
    const machine_code *code = &p->machine[MACHINE_BLOCKS];
    const long group = code->group, block = BLOCK / group * group;
    int scalars = 0;
    for (int k = 0; k < p->inputs; k++) scalars |= is_scalar[k];
    /* a short first part brings the results to a cache line */
    long start = (long)((64 - ((uintptr_t)out[0] & 63)) & 63) / (long)sizeof(double);
    start = n < 4 * group ? 0 : start % group;
    if (start) padded(p, in, is_scalar, out, 0, start, scratch, table);
    while (n - start >= group) {
        long count = (n - start) / group * group;
        if (scalars && count > block) count = block;
        for (int k = 0; k < p->inputs; k++) {
            table[k] = is_scalar[k] ? scratch + (long)k * BLOCK : (double *)in[k] + start;
            if (is_scalar[k]) for (long i = 0; i < count; i++) table[k][i] = in[k][0];
        }
        for (int k = 0; k < p->outputs; k++) table[p->inputs + k] = out[k] + start;
        ((machine_blocks)code->entry)(table, count * (long)sizeof(double));
        start += count;
    }
    if (start < n) padded(p, in, is_scalar, out, start, n - start, scratch, table);
    return 0;
}
