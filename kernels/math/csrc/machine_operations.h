/* Machine code of single operations: liveness, registers, instructions. Part of machine.c.
 *
 * Code for numbers calls the other operations as functions; before a call goes to the register file what is still
 * needed.
 *
 * A value lives in a slot of `lanes` vector registers, so that several vectors are in flight and hide the latency of
 * one another. Constants stay in registers where some are left over, else they are loaded for each operation. */
#pragma once
#include "program.h"
#include "x86.h"

enum { SCRATCH = 4, NOWHERE = -1, FREE = 0, TAKEN = 1 };
enum { DIES_A = 1, DIES_B = 2, DIES_C = 4, DIES_D = 8 }; /* values that nobody reads after an operation */
enum { ONE, SIGN_BIT, ALL_BUT_SIGN, OWN_CONSTANTS }; /* after the program's constants in the pool */

typedef struct {
    encoder e;
    const program *p;
    int file, constants, calls; /* general registers that point to the register file and the constants; has calls */
    void *const *functions;     /* of the operations without machine code */
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
    on_memory(&s->e, one ? MAP_0F : MAP_0F38, one ? PREFIX_F2 : PREFIX_66, one ? X_LOAD : X_BROADCAST, r, s->constants, NO_INDEX,
              (int32_t)(8 * index));
}
/* arrays lie one after another in the table of pointers; numbers, and what calls have driven out, in the register file */
static void load_number(assembler *s, int r, int v) {
    on_memory(&s->e, MAP_0F, PREFIX_F2, X_LOAD, r, s->file, NO_INDEX, 8 * v);
}
static void store_number(assembler *s, int v) {
    on_memory(&s->e, MAP_0F, PREFIX_F2, X_STORE, place(s, s->slot[v], 0), s->file, NO_INDEX, 8 * v);
}
static void load_input(assembler *s, int v, int index) {
    const int slot = s->slot[v], bytes = 16 << s->e.bits;
    if (s->form == MACHINE_SCALAR) {
        load_number(s, place(s, slot, 0), v);
        return;
    }
    load_pointer(&s->e, RAX, RDI, 8 * (v - s->p->constants));
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
        store_number(s, v);
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
static void call_operation(assembler *s, int i) {
    const program *p = s->p;
    const instruction *q = p->code + i;
    int v[3];
    const int count = operands(q, v);
    for (int k = 0; k < count; k++) {
        if (v[k] < p->constants) load_constant(s, scratch(s, k), v[k]);
        else if (s->slot[v[k]] == NOWHERE) load_number(s, scratch(s, k), v[k]);
        else move(&s->e, scratch(s, k), place(s, s->slot[v[k]], 0));
    }
    for (int k = 0; k < count; k++) if (s->dies[i] >> k & 1) release_slot(s, v[k]);
    for (int w = p->constants; w < p->registers; w++) {
        if (s->slot[w] == NOWHERE) continue;
        if (!is_input(p, w)) store_number(s, w);
        release_slot(s, w);
    }
    for (int k = 0; k < count; k++) move(&s->e, k, scratch(s, k));
    call(&s->e, s->functions[q->op]);
    move(&s->e, place(s, take_slot(s, q->d), 0), 0);
    if (is_output(p, q->d)) store_number(s, q->d);
    if (s->dies[i] & DIES_D) release_slot(s, q->d);
}
static void operation(assembler *s, int i, int index) {
    const program *p = s->p;
    const instruction *q = p->code + i;
    if (!is_supported(q->op)) {
        call_operation(s, i);
        return;
    }
    int v[3], r[3] = {0, 0, 0}, from[3] = {NOWHERE, NOWHERE, NOWHERE}, count = operands(q, v);
    for (int k = 0; k < count; k++) {
        if (v[k] < p->constants) {
            r[k] = s->resident[v[k]] != NOWHERE ? s->resident[v[k]] : scratch(s, k);
            if (s->resident[v[k]] == NOWHERE) load_constant(s, r[k], v[k]);
        } else {
            if (s->slot[v[k]] == NOWHERE) { /* the first use of an input, or the first after a call */
                take_slot(s, v[k]);
                load_input(s, v[k], index);
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
