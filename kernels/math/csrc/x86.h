/* Encoding of the AVX2 and AVX-512 instructions that machine.c uses (Intel SDM volume 2, sections 2.3 and 2.7).
 *
 * Vector registers are 0..31, general ones 0..15 in the processor's order. An instruction takes the short VEX form
 * where that reaches its registers and its length, else EVEX. Without a buffer the bytes are only counted. */
#pragma once
#include <stdint.h>
#include <string.h>

enum { RAX = 0, RCX = 1, RDX = 2, RBX = 3, RBP = 5, RSI = 6, RDI = 7, R9 = 9, R10 = 10, NO_INDEX = -1 };
enum { BITS_128 = 0, BITS_256 = 1, BITS_512 = 2 };
enum { MAP_0F = 1, MAP_0F38 = 2, MAP_0F3A = 3 };
enum { PREFIX_66 = 1, PREFIX_F2 = 3 };
enum { /* opcodes, all of packed doubles */
    X_LOAD = 0x10, X_STORE = 0x11, X_MOVE = 0x28, X_STORE_PAST_CACHE = 0x2B, X_SQRT = 0x51, X_AND = 0x54, X_XOR = 0x57,
    X_ADD = 0x58, X_MUL = 0x59, X_SUB = 0x5C, X_MIN = 0x5D, X_DIV = 0x5E, X_MAX = 0x5F, X_COMPARE = 0xC2,
    X_BROADCAST = 0x19, X_FMADD213 = 0xA8, X_FMSUB213 = 0xAA, X_FNMADD213 = 0xAC, X_TO_231 = 0x10,
    X_ROUND = 0x09, X_BLENDV = 0x4B };
enum { X_EQ = 0, X_UNORDERED = 3, X_NOT_EQ = 4, X_LESS = 0x11, X_LESS_EQ = 0x12, X_FLOOR = 9, X_CEIL = 10 };

typedef struct {
    uint8_t *start; /* NULL: count only */
    long size;
    int bits, evex; /* evex: no short form */
} encoder;

static void put(encoder *e, const void *bytes, int count) {
    if (e->start) memcpy(e->start + e->size, bytes, count);
    e->size += count;
}
static void put_byte(encoder *e, unsigned value) {
    uint8_t byte = (uint8_t)value;
    put(e, &byte, 1);
}
static void put_bytes(encoder *e, const char *text, int count) { put(e, text, count); }

/* VEX or EVEX prefix and opcode: r, v and (b, x) extend the fields reg, vvvv and rm or base and index; mask is the
 * number of a mask register (with MASK_ZERO: elsewhere 0), 0 for none, and needs EVEX */
enum { MASK_ZERO = 128 };
static void vector_prefix(encoder *e, int map, int prefix, int opcode, int r, int v, int b, int x, int mask) {
    const unsigned not_r = !(r & 8), not_x = !x, not_b = !b;
    if (e->bits < BITS_512 && !e->evex && r < 16 && v < 16 && !(x & 16)) {
        const unsigned wide = map == MAP_0F38 && opcode != X_BROADCAST;
        put_byte(e, 0xC4);
        put_byte(e, not_r << 7 | not_x << 6 | not_b << 5 | (unsigned)map);
        put_byte(e, wide << 7 | (unsigned)(~v & 15) << 3 | (unsigned)e->bits << 2 | (unsigned)prefix);
    } else {
        put_byte(e, 0x62);
        put_byte(e, not_r << 7 | not_x << 6 | not_b << 5 | (unsigned)!(r & 16) << 4 | (unsigned)map);
        put_byte(e, 1u << 7 | (unsigned)(~v & 15) << 3 | 1u << 2 | (unsigned)prefix);
        put_byte(e, (unsigned)e->bits << 5 | (unsigned)!(v & 16) << 3 | (unsigned)mask);
    }
    put_byte(e, (unsigned)opcode);
}
static void on_registers(encoder *e, int map, int opcode, int r, int v, int m, int mask) {
    vector_prefix(e, map, PREFIX_66, opcode, r, v, m & 8, m & 16, mask);
    put_byte(e, 0xC0u | (unsigned)(r & 7) << 3 | (unsigned)(m & 7));
}
/* r = v op m */
static void arithmetic(encoder *e, int opcode, int r, int v, int m) { on_registers(e, MAP_0F, opcode, r, v, m, 0); }
static void move(encoder *e, int to, int from) {
    if (to != from) on_registers(e, MAP_0F, X_MOVE, to, 0, from, 0);
}
/* to = a * b + c and its relatives, rounded once; opcode names the 213 form */
static void fused(encoder *e, int opcode, int to, int a, int b, int c) {
    if (to == a) {
        on_registers(e, MAP_0F38, opcode, to, b, c, 0);
    } else if (to == b) {
        on_registers(e, MAP_0F38, opcode, to, a, c, 0);
    } else {
        move(e, to, c);
        on_registers(e, MAP_0F38, opcode + X_TO_231, to, a, b, 0);
    }
}
static void memory_operand(encoder *e, int r, int base, int index, int32_t offset) {
    put_byte(e, 0x80u | (unsigned)(r & 7) << 3 | (unsigned)(index == NO_INDEX ? base & 7 : 4));
    if (index != NO_INDEX) put_byte(e, (unsigned)(index & 7) << 3 | (unsigned)(base & 7));
    put(e, &offset, 4);
}
/* vector register r to or from memory at base + index + offset; neither may be rsp or r12 */
static void on_memory(encoder *e, int map, int prefix, int opcode, int r, int base, int index, int32_t offset) {
    vector_prefix(e, map, prefix, opcode, r, 0, base & 8, index == NO_INDEX ? 0 : index & 8, 0);
    memory_operand(e, r, base, index, offset);
}
/* the 64-bit general register r = memory at base + offset */
static void load_pointer(encoder *e, int r, int base, int32_t offset) {
    put_byte(e, 0x48u | (unsigned)(r >> 3) << 2 | (unsigned)(base >> 3));
    put_byte(e, 0x8B);
    memory_operand(e, r, base, NO_INDEX, offset);
}
static void load_address(encoder *e, int r, const void *address) {
    uint64_t value = (uint64_t)(uintptr_t)address;
    put_byte(e, 0x48u | (unsigned)(r >> 3));
    put_byte(e, 0xB8u | (unsigned)(r & 7));
    put(e, &value, 8);
}
static void call(encoder *e, const void *function) {
    load_address(e, RAX, function);
    put_bytes(e, "\xFF\xD0", 2);
}
/* jump when not zero back to the given place */
static void jump_back(encoder *e, long to) {
    int32_t distance = (int32_t)(to - (e->size + 6));
    put_bytes(e, "\x0F\x85", 2);
    put(e, &distance, 4);
}
