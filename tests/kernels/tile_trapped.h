/*
 * tile_trapped.h: runs the compiled tile instructions of AMX on an x86-64 Linux machine whose
 * processor has none. Each of them ends in SIGILL there; the handler takes it apart, does to the
 * tiles of tile_emulated.h what it says, and goes on behind it. So the code that is shipped is
 * tested as it is: its encoding, its shapes, and whether memory was written before tiles read it.
 *
 * Intel's manual, volume 2: VEX.128.0F38.W0, opcodes 49 (configuration, zero), 4B (load, store),
 * 5C (bfloat16), 5E (bytes).
 */
#ifndef WEIR_TILE_TRAPPED_H
#define WEIR_TILE_TRAPPED_H

#include "tile_emulated.h"

#if defined(__x86_64__) && defined(__linux__)
#define WEIR_HAS_TRAPS 1

#include <signal.h>
#include <ucontext.h>

/* One instruction. prefix: 0 none, 1 66, 2 F3, 3 F2. */
typedef struct trapped {
    unsigned prefix, opcode, mod, reg, rm, other; /* other: VEX.vvvv */
    uint8_t *memory;                              /* of its operand, without the index */
    size_t stride;                                /* the index, scaled */
    size_t length;
} trapped;

/* A general register by its number in instructions. */
static uint64_t trapped_register(const ucontext_t *context, unsigned number) {
    static const int places[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                 REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                 REG_R12, REG_R13, REG_R14, REG_R15};
    return (uint64_t)context->uc_mcontext.gregs[places[number]];
}

/* The operand in memory behind ModRM at `at`; how many bytes name it, ModRM excluded. */
static size_t trapped_operand(const ucontext_t *context, const uint8_t *at, unsigned high_base,
                              unsigned high_index, trapped *t) {
    size_t n = 0;
    unsigned base = t->rm;
    uint64_t address = 0;
    t->stride = 0;
    if (t->rm == 4) {
        const uint8_t sib = at[1 + n++];
        const unsigned index = (sib >> 3 & 7u) | high_index;
        base = sib & 7u;
        t->stride = index == 4 ? 0 : trapped_register(context, index) << (sib >> 6);
    }
    if (t->mod == 0 && base == 5) { /* no base: with SIB a number alone, else behind the end */
        int32_t far;
        memcpy(&far, at + 1 + n, sizeof far);
        n += sizeof far;
        if (t->rm != 4)
            address = (uint64_t)(uintptr_t)(at + 1 + n);
        address += (uint64_t)(int64_t)far;
    } else {
        address = trapped_register(context, base | high_base);
        if (t->mod == 1) {
            address += (uint64_t)(int64_t)(int8_t)at[1 + n];
            n += 1;
        } else if (t->mod == 2) {
            int32_t far;
            memcpy(&far, at + 1 + n, sizeof far);
            address += (uint64_t)(int64_t)far;
            n += sizeof far;
        }
    }
    t->memory = (uint8_t *)(uintptr_t)address; /* NOLINT: this is what the instruction says */
    return n;
}

/* False: it is not an instruction of tiles. */
static bool trapped_read(const ucontext_t *context, const uint8_t *code, trapped *t) {
    if (code[0] != 0xc4 || (code[1] & 31) != 2 || (code[2] & 0x84) != 0)
        return false;
    *t = (trapped){.prefix = code[2] & 3u,
                   .opcode = code[3],
                   .mod = code[4] >> 6,
                   .reg = code[4] >> 3 & 7u,
                   .rm = code[4] & 7u,
                   .other = ~(unsigned)code[2] >> 3 & 15u,
                   .length = 5};
    if (t->mod != 3)
        t->length +=
            trapped_operand(context, code + 4, code[1] & 0x20 ? 0 : 8, code[1] & 0x40 ? 0 : 8, t);
    return true;
}

static bool trapped_run(const trapped *t) {
    enum { NONE, P66, PF3, PF2 };
    const int reg = (int)t->reg, rm = (int)t->rm, other = (int)t->other;
    if (t->opcode == 0x49 && t->prefix == NONE && t->mod == 3) {
        tile_end();
    } else if (t->opcode == 0x49 && t->prefix == NONE && t->reg == 0) {
        tile_shapes shapes;
        memcpy(&shapes, t->memory, sizeof shapes);
        tile_begin_as(&shapes);
    } else if (t->opcode == 0x49 && t->prefix == PF2 && t->mod == 3) {
        tile_zero(reg);
    } else if (t->opcode == 0x4b && t->prefix == PF2 && t->mod != 3) {
        tile_load(reg, t->memory, t->stride);
    } else if (t->opcode == 0x4b && t->prefix == PF3 && t->mod != 3) {
        tile_store(reg, t->memory, t->stride);
    } else if (t->opcode == 0x5c && t->prefix == PF3 && t->mod == 3) {
        tile_dot(reg, rm, other);
    } else if (t->opcode == 0x5e && t->prefix == PF2 && t->mod == 3) {
        tile_dot_bytes(reg, rm, other);
    } else {
        return false;
    }
    return true;
}

static void trap_tiles(int number, siginfo_t *info, void *raw) {
    ucontext_t *context = raw;
    greg_t *at = &context->uc_mcontext.gregs[REG_RIP];
    trapped t;
    (void)info;
    if (trapped_read(context, (const uint8_t *)(uintptr_t)*at, &t) && trapped_run(&t))
        *at += (greg_t)t.length;
    else
        signal(number, SIG_DFL); /* met again, it ends the process as ever */
}

static inline void trap_tiles_begin(void) {
    struct sigaction action = {.sa_sigaction = trap_tiles, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    int code = sigaction(SIGILL, &action, NULL);
    assert(code == 0);
    (void)code;
}

#else
#define WEIR_HAS_TRAPS 0
#endif
#endif
