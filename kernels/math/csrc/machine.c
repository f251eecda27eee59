/* From a register program to machine code: the three shapes of code (machine.h), and the memory that holds it. */
#include "machine.h"

#include <stdlib.h>

#include "cpu.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>

#include "machine_operations.h"

enum { MAX_LENGTH = 4096 };
DECLARE_LEVEL(baseline)
DECLARE_LEVEL(avx2)
DECLARE_LEVEL(avx512)
static void *const *const function_tables[] = LEVELS(functions);

static void body(assembler *s, int index) {
    for (int i = 0; i < s->p->length && !s->failed; i++) operation(s, i, index);
}
static void blocks_loop(assembler *s) {
    encoder *e = &s->e;
    put_bytes(e, "\x31\xC9", 2); /* xor ecx, ecx */
    const long top = e->size;
    const int32_t step = s->lanes * (16 << e->bits);
    body(s, RCX);
    put_bytes(e, "\x48\x81\xC1", 3); /* add rcx, step */
    put(e, &step, 4);
    put_bytes(e, "\x48\x39\xF1", 3); /* cmp rcx, rsi */
    jump_back(e, top);
}
/* One step for all lanes, then the results are the states. Outputs stand in slots of their own. */
static void iteration(assembler *s, int index) {
    const program *p = s->p;
    const int first = p->registers - p->outputs;
    body(s, index);
    for (int k = 0; k < p->outputs && !s->failed; k++)
        for (int u = 0; u < s->lanes; u++)
            move(&s->e, place(s, s->slot[p->constants + k], u), place(s, s->slot[first + k], u));
    for (int k = 0; k < p->outputs; k++) release_slot(s, first + k);
}
/* skip a loop whose count in the register tested by `test` is zero; returns where the distance is to be written */
static long skip_if_zero(encoder *e, const char *test) {
    put_bytes(e, test, 3);
    put_bytes(e, "\x0F\x84\0\0\0\0", 6); /* jz */
    return e->size - 4;
}
static void land(encoder *e, long from) {
    int32_t distance = (int32_t)(e->size - (from + 4));
    if (e->start) memcpy(e->start + from, &distance, 4);
}
static void kept_loop(assembler *s, int store) {
    encoder *e = &s->e;
    put_bytes(e, "\x45\x31\xC9", 3); /* xor r9d, r9d */
    const long top = e->size;
    s->store = store;
    iteration(s, R9);
    put_bytes(e, "\x49\x01\xC9", 3); /* add r9, rcx */
    put_bytes(e, "\x48\xFF\xCA", 3); /* dec rdx */
    jump_back(e, top);
}
static void iterate_loops(assembler *s) {
    encoder *e = &s->e;
    const program *p = s->p;
    for (int k = 0; k < p->inputs; k++) {
        take_slot(s, p->constants + k);
        load_input(s, p->constants + k, NO_INDEX);
    }
    const long none_quiet = skip_if_zero(e, "\x48\x85\xF6"); /* test rsi, rsi */
    const long top = e->size;
    iteration(s, NO_STORE);
    put_bytes(e, "\x48\xFF\xCE", 3); /* dec rsi */
    jump_back(e, top);
    land(e, none_quiet);
    const long none_kept = skip_if_zero(e, "\x48\x85\xD2"); /* test rdx, rdx */
    const long cached = skip_if_zero(e, "\x4D\x85\xC0");    /* test r8, r8 */
    kept_loop(s, X_STORE_PAST_CACHE);
    put_bytes(e, "\x0F\xAE\xF8", 3); /* sfence */
    const long done = skip_if_zero(e, "\x48\x85\xD2");
    land(e, cached);
    kept_loop(s, X_STORE);
    land(e, done);
    land(e, none_kept);
    for (int k = 0; k < p->outputs && !s->failed; k++) store(s, k, s->slot[p->constants + k], NO_INDEX, X_STORE);
}

static void keep_constants(assembler *s, int first_free) {
    for (int k = 0; k < s->p->constants; k++) s->resident[k] = NOWHERE;
    for (int k = 0; k < s->p->constants && first_free < s->registers && !s->calls; k++) {
        s->resident[k] = (int16_t)first_free++;
        load_constant(s, s->resident[k], k);
    }
}
/* All of the code into s->e; `constants` is the first register that no slot needs. */
static void assemble(assembler *s, int first_free) {
    encoder *e = &s->e;
    e->size = 0;
    memset(s->taken, 0, sizeof s->taken);
    for (int k = 0; k < s->p->registers; k++) s->slot[k] = NOWHERE;
    put_bytes(e, "\xF3\x0F\x1E\xFA", 4); /* endbr64 */
    if (s->calls) /* push rbx; push rbp; sub rsp, 8; mov rbx, rsi */
        put_bytes(e, "\x53\x55\x48\x83\xEC\x08\x48\x89\xF3", 9);
    load_address(e, s->constants, s->pool);
    keep_constants(s, first_free);
    if (s->form == MACHINE_SCALAR) body(s, NO_INDEX);
    else if (s->form == MACHINE_BLOCKS) blocks_loop(s);
    else iterate_loops(s);
    if (s->form != MACHINE_SCALAR) put_bytes(e, "\xC5\xF8\x77", 3); /* vzeroupper */
    if (s->calls) put_bytes(e, "\x48\x83\xC4\x08\x5D\x5B", 6);        /* add rsp, 8; pop rbp; pop rbx */
    put_bytes(e, "\x31\xC0\xC3", 3);                                 /* xor eax, eax; ret */
}

static void fill_pool(const program *p, long coefficients, double *pool) {
    const uint64_t sign = 1ULL << 63, rest = ~sign;
    const double one = 1.0;
    double *own = pool + p->constants;
    memcpy(pool, p->values, sizeof(double) * p->constants);
    memcpy(own + ONE, &one, 8);
    memcpy(own + SIGN_BIT, &sign, 8);
    memcpy(own + ALL_BUT_SIGN, &rest, 8);
    memcpy(own + OWN_CONSTANTS, p->coefficients, sizeof(double) * coefficients);
}

/* Number of coefficients; -1 when some operation has no machine code. `calls` tells whether some are functions. */
static long check(const program *p, int level, int form, int *calls) {
    long coefficients = 0;
    *calls = 0;
    if (level < LEVEL_AVX2 || p->length < 1 || p->length > MAX_LENGTH || p->registers > MAX_LENGTH) return -1;
    if (form == MACHINE_ITERATE && p->inputs < p->outputs) return -1;
    for (int i = 0; i < p->length; i++) {
        const instruction *q = p->code + i;
        if (q->d < p->constants + p->inputs) return -1;
        if (!is_supported(q->op)) {
            if (form != MACHINE_SCALAR || !function_tables[level][q->op]) return -1;
            *calls = 1;
        }
        if (q->op == OP_POLY && q->a < p->constants) return -1;
        if (q->op == OP_POLY && q->f + q->c > coefficients) coefficients = q->f + q->c;
    }
    return coefficients;
}

/* Find out how many slots are needed, then use the registers for lanes and constants, then write. */
static int write_code(assembler *s, machine_code *made, long coefficients) {
    const program *p = s->p;
    const long pool_bytes = (long)sizeof(double) * (p->constants + OWN_CONSTANTS + coefficients);
    s->lanes = 1;
    assemble(s, s->registers);
    if (s->failed) return 0;
    const int most = s->form == MACHINE_SCALAR ? 1 : s->form == MACHINE_BLOCKS ? 4 : 7, room = s->registers / s->high_slots;
    s->lanes = room < most ? room : most;
    const int first_free = s->high_slots * s->lanes;
    assemble(s, first_free); /* counts the bytes */
    const long page = sysconf(_SC_PAGESIZE), code_start = (pool_bytes + 63) & ~63L;
    const long size = (code_start + s->e.size + page - 1) / page * page;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 0;
    fill_pool(p, coefficients, (double *)memory);
    s->pool = (const double *)memory;
    s->e.start = (uint8_t *)memory + code_start;
    assemble(s, first_free);
    if (s->failed || mprotect(memory, size, PROT_READ | PROT_EXEC)) {
        munmap(memory, size);
        return 0;
    }
    const long group = s->form == MACHINE_SCALAR ? 1 : (2L << s->e.bits) * s->lanes;
    *made = (machine_code){.entry = memory + code_start, .group = group, .memory = memory, .size = size};
    return 1;
}

static int compile(const program *p, int level, int form, machine_code *made) {
    int calls;
    const long coefficients = check(p, level, form, &calls);
    if (coefficients < 0) return 0;
    const int registers = level == LEVEL_AVX512 ? 32 : 16;
    const int bits = form == MACHINE_SCALAR ? BITS_128 : level == LEVEL_AVX512 ? BITS_512 : BITS_256;
    int16_t *slots = malloc(sizeof(int16_t) * (p->registers + p->constants + 1) + p->length + p->registers);
    if (!slots) return 0;
    uint8_t *dies = (uint8_t *)(slots + p->registers + p->constants + 1);
    find_deaths(p, form, dies, dies + p->length);
    assembler s = {.e = {.bits = bits}, .p = p, .form = form, .registers = registers - SCRATCH, .slot = slots,
                   .file = calls ? RBX : RSI, .constants = calls ? RBP : R10, .calls = calls,
                   .functions = function_tables[level], .store = X_STORE, .with_masks = level == LEVEL_AVX512,
                   .resident = slots + p->registers, .dies = dies};
    const int done = write_code(&s, made, coefficients);
    free(slots);
    return done;
}
void machine_prepare(program *p, int level, int form) {
    machine_code made, *code = &p->machine[form];
    if (__atomic_exchange_n(&code->tried, 1, __ATOMIC_ACQ_REL) || !compile(p, level, form, &made)) return;
    code->group = made.group;
    code->memory = made.memory;
    code->size = made.size;
    __atomic_store_n(&code->entry, made.entry, __ATOMIC_RELEASE);
    if (form == MACHINE_SCALAR) __atomic_store_n(&p->run_scalar, (scalar_runner)made.entry, __ATOMIC_RELEASE);
    if (form == MACHINE_BLOCKS) __atomic_store_n(&p->run_blocks, machine_run_blocks, __ATOMIC_RELEASE);
}
void machine_release(program *p) {
    for (int form = 0; form < MACHINE_FORMS; form++)
        if (p->machine[form].memory) munmap(p->machine[form].memory, p->machine[form].size);
}
#else
void machine_prepare(program *p, int level, int form) { (void)p, (void)level, (void)form; }
void machine_release(program *p) { (void)p; }
#endif
