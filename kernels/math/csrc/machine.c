/* From a register program to machine code: liveness, registers, and the three shapes of code (machine.h).
 *
 * A value lives in a slot of `lanes` vector registers, so that several vectors are in flight and hide the latency of
 * one another. Constants stay in registers where some are left over, else they are loaded for each operation. */
#include "machine.h"

#include <stdlib.h>

#include "cpu.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>

#include "x86.h"

enum { MAX_LENGTH = 4096, SCRATCH = 4, NOWHERE = -1, FREE = 0, TAKEN = 1 };
enum { DIES_A = 1, DIES_B = 2, DIES_C = 4, DIES_D = 8 }; /* values that nobody reads after an operation */
enum { ONE, SIGN_BIT, ALL_BUT_SIGN, OWN_CONSTANTS }; /* after the program's constants in the pool */

typedef struct {
    encoder e;
    const program *p;
    int form, lanes, registers; /* registers: those that slots and constants share; scratch ones follow */
    int high_slots, failed, with_masks, store; /* store: the opcode that writes results */
    uint8_t taken[32];
    int16_t *slot, *resident; /* of each register of the program; of each constant */
    const uint8_t *dies;
    const double *pool;
} assembler;

static int is_input(const program *p, int v) { return v >= p->constants && v < p->constants + p->inputs; }
static int is_output(const program *p, int v) { return v >= p->registers - p->outputs; }

static int operands(const instruction *q, int v[3]) {
    int count = 0;
    v[count++] = q->a;
    if (q->b >= 0) v[count++] = q->b;
    if (q->c >= 0 && q->op != OP_POLY) v[count++] = q->c;
    return count;
}
static int is_supported(int op) {
    switch (op) {
    case OP_MOV: case OP_NEG: case OP_ABS: case OP_SQRT: case OP_FLOOR: case OP_CEIL: case OP_NOT: case OP_ADD:
    case OP_SUB: case OP_MUL: case OP_DIV: case OP_MIN: case OP_MAX: case OP_LT: case OP_LE: case OP_EQ: case OP_NE:
    case OP_FMA: case OP_FMS: case OP_FNMA: case OP_SELECT: case OP_POLY: return 1;
    default: return 0;
    }
}

/* Which operands, and whether the result, are read no more after each operation. Iterated states and parameters
 * live on. */
static void find_deaths(const program *p, int form, uint8_t *dies, uint8_t *live) {
    memset(live, 0, p->registers);
    for (int v = p->constants; form == MACHINE_ITERATE && v < p->registers; v++) live[v] = is_input(p, v) || is_output(p, v);
    for (int i = p->length - 1; i >= 0; i--) {
        const instruction *q = p->code + i;
        int v[3], count = operands(q, v);
        dies[i] = live[q->d] ? 0 : DIES_D;
        if (form != MACHINE_ITERATE || !is_output(p, q->d)) live[q->d] = 0;
        for (int k = 0; k < count; k++)
            if (v[k] >= p->constants && !live[v[k]]) {
                dies[i] |= (uint8_t)(1 << k);
                live[v[k]] = 1;
            }
    }
}

static int scratch(const assembler *s, int k) { return s->registers + k; }
static int place(const assembler *s, int slot, int lane) { return slot * s->lanes + lane; }

static int take_slot(assembler *s, int v) {
    for (int k = 0; (k + 1) * s->lanes <= s->registers; k++)
        if (s->taken[k] == FREE) {
            s->taken[k] = TAKEN;
            if (k >= s->high_slots) s->high_slots = k + 1;
            s->slot[v] = (int16_t)k;
            return k;
        }
    s->failed = 1;
    return 0;
}
static void release_slot(assembler *s, int v) {
    if (v < s->p->constants || s->slot[v] == NOWHERE) return;
    s->taken[s->slot[v]] = FREE;
    s->slot[v] = NOWHERE;
}

static void load_constant(assembler *s, int r, long index) {
    const int one = s->e.bits == BITS_128;
    on_memory(&s->e, one ? MAP_0F : MAP_0F38, one ? PREFIX_F2 : PREFIX_66, one ? X_LOAD : X_BROADCAST, r, R10, NO_INDEX,
              (int32_t)(8 * index));
}
/* arrays lie one after another in the table of pointers; numbers lie in the register file */
static void load_input(assembler *s, int k, int index) {
    const int slot = s->slot[s->p->constants + k], bytes = 16 << s->e.bits;
    if (s->form == MACHINE_SCALAR) {
        on_memory(&s->e, MAP_0F, PREFIX_F2, X_LOAD, place(s, slot, 0), RSI, NO_INDEX, 8 * (s->p->constants + k));
        return;
    }
    load_pointer(&s->e, RAX, RDI, 8 * k);
    for (int u = 0; u < s->lanes; u++)
        on_memory(&s->e, MAP_0F, PREFIX_66, X_LOAD, place(s, slot, u), RAX, index, u * bytes);
}
static void store(assembler *s, int array, int slot, int index, int opcode) {
    load_pointer(&s->e, RAX, RDI, 8 * array);
    for (int u = 0; u < s->lanes; u++)
        on_memory(&s->e, MAP_0F, PREFIX_66, opcode, place(s, slot, u), RAX, index, u * (16 << s->e.bits));
}
static void store_output(assembler *s, int v, int index) {
    const program *p = s->p;
    if (s->form == MACHINE_SCALAR)
        on_memory(&s->e, MAP_0F, PREFIX_F2, X_STORE, place(s, s->slot[v], 0), RSI, NO_INDEX, 8 * v);
    else
        store(s, p->inputs + v - (p->registers - p->outputs), s->slot[v], index, s->store);
}

static int zero(assembler *s) {
    const int r = scratch(s, 3);
    arithmetic(&s->e, X_XOR, r, r, r);
    return r;
}
/* mask of one compare: a mask register, or all bits of a vector in the last scratch register */
static void compare(assembler *s, int a, int b, int predicate) {
    s->e.evex = s->with_masks;
    on_registers(&s->e, MAP_0F, X_COMPARE, s->with_masks ? 1 : scratch(s, 3), a, b, 0);
    put_byte(&s->e, (unsigned)predicate);
    s->e.evex = 0;
}
/* d = mask ? yes : no; d may be any of them */
static void blend(assembler *s, int d, int yes, int no) {
    encoder *e = &s->e;
    if (!s->with_masks) {
        on_registers(e, MAP_0F3A, X_BLENDV, d, no, yes, 0);
        put_byte(e, (unsigned)scratch(s, 3) << 4);
        return;
    }
    const int t = d == yes ? scratch(s, 3) : d;
    move(e, t, no);
    e->evex = 1;
    on_registers(e, MAP_0F, X_MOVE, t, 0, yes, 1);
    e->evex = 0;
    move(e, d, t);
}
static void truth(assembler *s, int d, int a, int b, int predicate, int one) {
    compare(s, a, b, predicate);
    if (s->with_masks) {
        s->e.evex = 1;
        on_registers(&s->e, MAP_0F, X_MOVE, d, 0, one, 1 | MASK_ZERO);
        s->e.evex = 0;
    } else {
        arithmetic(&s->e, X_AND, d, scratch(s, 3), one);
    }
}

/* One lane of an operation other than POLY. r holds the operands' registers; own is a scratch register that holds
 * the constant that own_constant() names. */
static int own_constant(int op) {
    switch (op) {
    case OP_NEG: return SIGN_BIT;
    case OP_ABS: return ALL_BUT_SIGN;
    case OP_NOT: case OP_LT: case OP_LE: case OP_EQ: case OP_NE: return ONE;
    default: return NOWHERE;
    }
}
static void one_lane(assembler *s, int op, int d, const int r[3], int own) {
    encoder *e = &s->e;
    const int a = r[0], b = r[1], c = r[2];
    switch (op) {
    case OP_MOV: move(e, d, a); break;
    case OP_NEG: arithmetic(e, X_XOR, d, a, own); break;
    case OP_ABS: arithmetic(e, X_AND, d, a, own); break;
    case OP_SQRT: arithmetic(e, X_SQRT, d, 0, a); break;
    case OP_FLOOR: case OP_CEIL:
        on_registers(e, MAP_0F3A, X_ROUND, d, 0, a, 0);
        put_byte(e, op == OP_FLOOR ? X_FLOOR : X_CEIL);
        break;
    case OP_ADD: arithmetic(e, X_ADD, d, a, b); break;
    case OP_SUB: arithmetic(e, X_SUB, d, a, b); break;
    case OP_MUL: arithmetic(e, X_MUL, d, a, b); break;
    case OP_DIV: arithmetic(e, X_DIV, d, a, b); break;
    case OP_MIN: case OP_MAX: /* the instruction gives b when one of them is nan */
        compare(s, a, a, X_UNORDERED);
        arithmetic(e, op == OP_MIN ? X_MIN : X_MAX, own, a, b);
        blend(s, own, a, own);
        move(e, d, own);
        break;
    case OP_LT: truth(s, d, a, b, X_LESS, own); break;
    case OP_LE: truth(s, d, a, b, X_LESS_EQ, own); break;
    case OP_EQ: truth(s, d, a, b, X_EQ, own); break;
    case OP_NE: truth(s, d, a, b, X_NOT_EQ, own); break;
    case OP_FMA: fused(e, X_FMADD213, d, a, b, c); break;
    case OP_FMS: fused(e, X_FMSUB213, d, a, b, c); break;
    case OP_FNMA: fused(e, X_FNMADD213, d, a, b, c); break;
    case OP_NOT: truth(s, d, a, zero(s), X_EQ, own); break;
    case OP_SELECT:
        compare(s, a, zero(s), X_NOT_EQ);
        blend(s, d, b, c);
        break;
    }
}
static void polynomial(assembler *s, const instruction *q, int to, int from) {
    const long first = s->p->constants + OWN_CONSTANTS + q->f;
    encoder *e = &s->e;
    load_constant(s, scratch(s, 0), first + q->c - 1);
    for (int u = 0; u < s->lanes; u++) move(e, place(s, to, u), scratch(s, 0));
    for (int k = q->c - 2; k >= 0; k--) {
        const int next = scratch(s, k & 1);
        load_constant(s, next, first + k);
        for (int u = 0; u < s->lanes; u++) {
            const int sum = place(s, to, u);
            fused(e, X_FMADD213, sum, sum, place(s, from, u), next);
        }
    }
}

/* index: the register that counts bytes along arrays, for outputs that are stored as soon as known; else NO_STORE */
enum { NO_STORE = -2 };
static void operation(assembler *s, int i, int index) {
    const program *p = s->p;
    const instruction *q = p->code + i;
    int v[3], r[3] = {0, 0, 0}, from[3] = {NOWHERE, NOWHERE, NOWHERE}, count = operands(q, v);
    for (int k = 0; k < count; k++) {
        if (v[k] < p->constants) {
            r[k] = s->resident[v[k]] != NOWHERE ? s->resident[v[k]] : scratch(s, k);
            if (s->resident[v[k]] == NOWHERE) load_constant(s, r[k], v[k]);
        } else {
            if (s->slot[v[k]] == NOWHERE) { /* the first use of an input */
                take_slot(s, v[k]);
                load_input(s, v[k] - p->constants, index);
            }
            from[k] = s->slot[v[k]];
        }
    }
    /* the steps of a polynomial read its argument beside the result, which gets another slot */
    const int argument = q->op == OP_POLY ? from[0] : NOWHERE;
    for (int k = 0; k < count; k++) if (s->dies[i] >> k & 1) release_slot(s, v[k]);
    if (argument != NOWHERE) s->taken[argument] = TAKEN;
    const int to = s->slot[q->d] != NOWHERE ? s->slot[q->d] : take_slot(s, q->d);
    if (s->failed) return;
    if (q->op == OP_POLY) {
        polynomial(s, q, to, argument);
        if (s->dies[i] & DIES_A) s->taken[argument] = FREE;
    } else {
        const int constant = own_constant(q->op), own = scratch(s, 2);
        if (constant != NOWHERE) load_constant(s, own, p->constants + constant);
        for (int u = 0; u < s->lanes; u++) {
            for (int k = 0; k < count; k++) if (from[k] != NOWHERE) r[k] = place(s, from[k], u);
            one_lane(s, q->op, place(s, to, u), r, own);
        }
    }
    if (is_output(p, q->d) && index != NO_STORE) store_output(s, q->d, index);
    if (s->dies[i] & DIES_D) release_slot(s, q->d);
}

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
        load_input(s, k, NO_INDEX);
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
    for (int k = 0; k < s->p->constants && first_free < s->registers; k++) {
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
    load_address(e, R10, s->pool);
    keep_constants(s, first_free);
    if (s->form == MACHINE_SCALAR) body(s, NO_INDEX);
    else if (s->form == MACHINE_BLOCKS) blocks_loop(s);
    else iterate_loops(s);
    if (s->form != MACHINE_SCALAR) put_bytes(e, "\xC5\xF8\x77", 3); /* vzeroupper */
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

/* Number of coefficients; -1 when some operation has no machine code. */
static long check(const program *p, int level, int form) {
    long coefficients = 0;
    if (level < LEVEL_AVX2 || p->length < 1 || p->length > MAX_LENGTH || p->registers > MAX_LENGTH) return -1;
    if (form == MACHINE_ITERATE && p->inputs < p->outputs) return -1;
    for (int i = 0; i < p->length; i++) {
        const instruction *q = p->code + i;
        if (!is_supported(q->op) || q->d < p->constants + p->inputs) return -1;
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
    const long coefficients = check(p, level, form);
    if (coefficients < 0) return 0;
    const int registers = level == LEVEL_AVX512 ? 32 : 16;
    const int bits = form == MACHINE_SCALAR ? BITS_128 : level == LEVEL_AVX512 ? BITS_512 : BITS_256;
    int16_t *slots = malloc(sizeof(int16_t) * (p->registers + p->constants + 1) + p->length + p->registers);
    if (!slots) return 0;
    uint8_t *dies = (uint8_t *)(slots + p->registers + p->constants + 1);
    find_deaths(p, form, dies, dies + p->length);
    assembler s = {.e = {.bits = bits}, .p = p, .form = form, .registers = registers - SCRATCH, .slot = slots,
                   .store = X_STORE, .with_masks = level == LEVEL_AVX512, .resident = slots + p->registers, .dies = dies};
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
