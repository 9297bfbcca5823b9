/*
 * test_t16.c: strips and their products, each against cpu/t16.h taken literally: bytes of a strip
 * against a layout built here column by column, numbers read back against dequantize, products of
 * every instruction set, bit for bit, against sums over the blocks of the file; those on tiles also
 * where the processor has none: the same source over an emulation, and the compiled code with each
 * of its tile instructions trapped.
 */
#include "kernel_test.h"
#include "t16_emulated.h"
#include "tile_trapped.h"

#include "quant/blocks.h"

#include <float.h>

enum {
    ROWS = WEIR_T16_ROWS,
    GROUP = WEIR_T16_GROUP,
    MOST_STRIPS = 17,
    MOST_X = 33,
    MOST_BATCH = 81
};

/* unit: columns of a unit; step: what columns must be a multiple of. halves: float16 fields. */
static const struct packed_format {
    weir_format_id id;
    uint32_t unit, step;
    size_t n_halves, halves[2];
} formats[] = {
#define HALF_AT(name, member) offsetof(weir_block_##name, member)
    {WEIR_FORMAT_Q4_0, 64, 64, 1, {HALF_AT(q4_0, d)}},
    {WEIR_FORMAT_Q4_1, 32, 32, 2, {HALF_AT(q4_1, d), HALF_AT(q4_1, m)}},
    {WEIR_FORMAT_Q5_0, 64, 64, 1, {HALF_AT(q5_0, d)}},
    {WEIR_FORMAT_Q5_1, 32, 32, 2, {HALF_AT(q5_1, d), HALF_AT(q5_1, m)}},
    {WEIR_FORMAT_Q8_0, 64, 64, 1, {HALF_AT(q8_0, d)}},
    {WEIR_FORMAT_IQ4_NL, 64, 64, 1, {HALF_AT(iq4_nl, d)}},
    {WEIR_FORMAT_MXFP4, 128, 128, 0, {0}},
    {WEIR_FORMAT_Q4_K, 256, 256, 2, {HALF_AT(q4_k, d), HALF_AT(q4_k, dmin)}},
    {WEIR_FORMAT_Q5_K, 256, 256, 2, {HALF_AT(q5_k, d), HALF_AT(q5_k, dmin)}},
    {WEIR_FORMAT_Q6_K, 512, 256, 1, {HALF_AT(q6_k, d)}},
    {WEIR_FORMAT_IQ4_XS, 256, 256, 1, {HALF_AT(iq4_xs, d)}},
};
enum { N_FORMATS = WEIR_COUNT(formats) };

/* What activations are rounded to. error: what a product may be off by, of its typical size. */
typedef struct arithmetic {
    const char *name;
    float most;
    double error;
} arithmetic;

static const arithmetic arithmetics[] = {
    {"q15", 16256.0f, 1e-4}, {"q8", 127.0f, 0.015}, {"q8 on tiles", 127.0f, 0.015}};
static const arithmetic *under_test = &arithmetics[0];

static bool is_q8(void) {
    return under_test > &arithmetics[0];
}
static bool is_on_tiles(void) {
    return under_test == &arithmetics[2];
}
static weir_q15_fn *rounding_of(const weir_cpu_kernels *k) {
    return is_q8() ? k->q8 : k->q15;
}
static weir_t16_fn *product_of(const weir_cpu_kernels *k, weir_format_id id) {
    return is_on_tiles() ? k->t16_q8_tiles[id] : is_q8() ? k->t16_q8[id] : k->t16[id];
}
/* The kernels of "amx" beside those of AVX-512, on a processor that has no tiles. */
static bool is_trapped;

static weir_cpu_kernels trapped_or_skip(void) {
    weir_cpu_kernels k = kernels_or_skip("avx512vnni");
#if WEIR_HAS_TRAPS
    trap_tiles_begin();
    weir_cpu_init_amx(&k);
    is_trapped = true;
#endif
    if (strcmp(k.isa, "amx") != 0) {
        print_message("skipped: there is no amx in this library\n");
        skip();
    }
    return k;
}
static weir_cpu_kernels kernels_of(const char *isa) {
    is_trapped = false;
    return strcmp(isa, "emulated tiles") == 0 ? emulated_tiles()
           : strcmp(isa, "amx, trapped") == 0 ? trapped_or_skip()
                                              : kernels_or_skip(isa);
}

static const weir_format *format_of(const struct packed_format *p) {
    return weir_format_by_id(p->id);
}

/* ---- blocks of the file, value by value ---------------------------------------------------- */

/* Value k of a block as it is stored. */
static unsigned stored_code(weir_format_id id, const uint8_t *block, unsigned k) {
    const unsigned j = k % 16, in_high = k / 16 * 4; /* of a block of 32 */
    const unsigned g = k / 32, l = k % 32;           /* of a block of 256 */
    switch (id) {
    case WEIR_FORMAT_Q4_0:
        return ((const weir_block_q4_0 *)block)->qs[j] >> in_high & 15u;
    case WEIR_FORMAT_Q4_1:
        return ((const weir_block_q4_1 *)block)->qs[j] >> in_high & 15u;
    case WEIR_FORMAT_IQ4_NL:
        return ((const weir_block_iq4_nl *)block)->qs[j] >> in_high & 15u;
    case WEIR_FORMAT_MXFP4:
        return ((const weir_block_mxfp4 *)block)->qs[j] >> in_high & 15u;
    case WEIR_FORMAT_Q5_0: {
        const weir_block_q5_0 *b = (const weir_block_q5_0 *)block;
        return (b->qs[j] >> in_high & 15u) | (b->qh[k / 8] >> k % 8 & 1u) << 4;
    }
    case WEIR_FORMAT_Q5_1: {
        const weir_block_q5_1 *b = (const weir_block_q5_1 *)block;
        return (b->qs[j] >> in_high & 15u) | (b->qh[k / 8] >> k % 8 & 1u) << 4;
    }
    case WEIR_FORMAT_Q8_0:
        return (uint8_t)((const weir_block_q8_0 *)block)->qs[k];
    case WEIR_FORMAT_Q4_K:
        return ((const weir_block_q4_k *)block)->qs[32 * (g / 2) + l] >> 4 * (g % 2) & 15u;
    case WEIR_FORMAT_Q5_K: {
        const weir_block_q5_k *b = (const weir_block_q5_k *)block;
        return (b->qs[32 * (g / 2) + l] >> 4 * (g % 2) & 15u) | (b->qh[l] >> g & 1u) << 4;
    }
    case WEIR_FORMAT_Q6_K: {
        const weir_block_q6_k *b = (const weir_block_q6_k *)block;
        unsigned h = g / 4, s = g % 4;
        return (b->ql[64 * h + 32 * (s % 2) + l] >> 4 * (s / 2) & 15u) |
               (b->qh[32 * h + l] >> 2 * s & 3u) << 4;
    }
    case WEIR_FORMAT_IQ4_XS:
        return ((const weir_block_iq4_xs *)block)->qs[16 * g + j] >> l / 16 * 4 & 15u;
    default:
        fail_msg("format %d has no strips", (int)id);
        return 0;
    }
}

/* What the scale multiplies. */
static int code_of(weir_format_id id, const uint8_t *block, unsigned k) {
    unsigned code = stored_code(id, block, k);
    switch (id) {
    case WEIR_FORMAT_Q4_0:
        return (int)code - 8;
    case WEIR_FORMAT_Q5_0:
        return (int)code - 16;
    case WEIR_FORMAT_Q6_K:
        return (int)code - 32;
    case WEIR_FORMAT_Q8_0:
        return (int8_t)code;
    case WEIR_FORMAT_IQ4_NL:
    case WEIR_FORMAT_IQ4_XS:
        return weir_iq4_nl_values[code];
    case WEIR_FORMAT_MXFP4:
        return weir_mxfp4_values[code];
    default:
        return (int)code;
    }
}

/* The scale of values 16 part .. 16 part + 15 of a block, and what is added to them. */
static float scale_of(weir_format_id id, const uint8_t *block, unsigned part, float *low) {
    uint8_t scale, least;
    *low = 0.0f;
    switch (id) {
    case WEIR_FORMAT_Q4_1: /* m follows d in these */
    case WEIR_FORMAT_Q5_1:
        *low = weir_load_half(block + 2);
        return weir_load_half(block);
    case WEIR_FORMAT_MXFP4:
        return weir_mxfp4_scale(block[0]);
    case WEIR_FORMAT_Q4_K:
    case WEIR_FORMAT_Q5_K: /* q5_k begins as q4_k does */
        weir_k4_scale(((const weir_block_q4_k *)block)->scales, part / 2, &scale, &least);
        *low = -(weir_load_half(block + 2) * (float)least);
        return weir_load_half(block) * (float)scale;
    case WEIR_FORMAT_Q6_K: {
        const weir_block_q6_k *b = (const weir_block_q6_k *)block;
        return weir_load_half(b->d) * (float)b->scales[part];
    }
    case WEIR_FORMAT_IQ4_XS: {
        const weir_block_iq4_xs *b = (const weir_block_iq4_xs *)block;
        return weir_load_half(b->d) * (float)weir_iq4_xs_scale(b, part / 2);
    }
    default: /* d comes first in all others */
        return weir_load_half(block);
    }
}

/* ---- a strip by the letter of the law ------------------------------------------------------ */

/* 16 rows of a file, and where the next bytes of their strip go. */
typedef struct writer {
    weir_format_id id;
    const uint8_t *rows;
    size_t row_bytes;
    uint8_t *to;
} writer;

static const uint8_t *block_at(const writer *w, uint32_t row, uint32_t i) {
    return w->rows + row * w->row_bytes + i * weir_format_by_id(w->id)->block_bytes;
}

static unsigned column_code(const writer *w, uint32_t row, uint32_t column) {
    uint32_t n = weir_format_by_id(w->id)->block_values;
    return stored_code(w->id, block_at(w, row, column / n), column % n);
}

/* Vectors of a group; byte b of a lane is a function of the codes of columns 4 j + b, j < 8. */
static void write_group(writer *w, uint32_t begin, uint32_t n_vectors,
                        unsigned (*byte_of)(const unsigned codes[8], uint32_t vector)) {
    for (uint32_t v = 0; v < n_vectors; v++)
        for (uint32_t row = 0; row < ROWS; row++)
            for (uint32_t b = 0; b < 4; b++) {
                unsigned codes[8];
                for (uint32_t j = 0; j < 8; j++)
                    codes[j] = column_code(w, row, begin + 4 * j + b);
                *w->to++ = (uint8_t)byte_of(codes, v);
            }
}

static unsigned nibbles(const unsigned codes[8], uint32_t v) {
    return (codes[v] & 15) | (codes[v + 4] & 15) << 4;
}

static unsigned whole(const unsigned codes[8], uint32_t v) {
    return codes[v];
}

static unsigned fifth_bits(const unsigned codes[8], uint32_t v) {
    unsigned byte = 0;
    for (uint32_t j = 0; j < 8; j++)
        byte |= (codes[j] >> 4) << j;
    return v == 0 ? byte : 0;
}

static unsigned upper_bits(const unsigned codes[8], uint32_t v) {
    unsigned byte = 0;
    for (uint32_t t = 0; t < 4; t++)
        byte |= (codes[4 * v + t] >> 4) << 2 * t;
    return byte;
}

/* n_bytes of each row's block i, lane after lane. */
static void write_field(writer *w, uint32_t i, size_t at, size_t n_bytes) {
    for (uint32_t row = 0; row < ROWS; row++, w->to += n_bytes)
        memcpy(w->to, block_at(w, row, i) + at, n_bytes);
}

static void write_scales(writer *w, uint32_t first, uint32_t end) {
    switch (w->id) {
    case WEIR_FORMAT_Q4_1:
    case WEIR_FORMAT_Q5_1:
        write_field(w, first, 0, 2);
        write_field(w, first, 2, 2);
        return;
    case WEIR_FORMAT_Q4_K:
    case WEIR_FORMAT_Q5_K:
        for (size_t v = 0; v < 3; v++)
            write_field(w, first, offsetof(weir_block_q4_k, scales) + 4 * v, 4);
        write_field(w, first, 0, 2);
        write_field(w, first, 2, 2);
        return;
    case WEIR_FORMAT_IQ4_XS:
        write_field(w, first, offsetof(weir_block_iq4_xs, scales_l), 4);
        write_field(w, first, offsetof(weir_block_iq4_xs, scales_h), 2);
        write_field(w, first, offsetof(weir_block_iq4_xs, d), 2);
        return;
    case WEIR_FORMAT_Q6_K:
        for (uint32_t i = first; i < end; i++)
            for (size_t part = 0; part < 16; part++)
                write_field(w, i, offsetof(weir_block_q6_k, scales) + part, 1);
        for (uint32_t i = first; i < end; i++)
            write_field(w, i, offsetof(weir_block_q6_k, d), 2);
        return;
    default:
        for (uint32_t i = first; i < end; i++)
            write_field(w, i, 0, w->id == WEIR_FORMAT_MXFP4 ? 1 : 2);
    }
}

static void write_strip(const struct packed_format *p, const uint8_t *rows, size_t row_bytes,
                        uint32_t cols, uint8_t *strip) {
    writer w = {p->id, rows, row_bytes, strip};
    const uint32_t block = format_of(p)->block_values;
    const bool has_fifth =
        p->id == WEIR_FORMAT_Q5_0 || p->id == WEIR_FORMAT_Q5_1 || p->id == WEIR_FORMAT_Q5_K;
    for (uint32_t begin = 0; begin < cols; begin += p->unit) {
        uint32_t end = begin + p->unit < cols ? begin + p->unit : cols;
        for (uint32_t c = begin; c < end; c += GROUP)
            if (p->id == WEIR_FORMAT_Q8_0)
                write_group(&w, c, 8, whole);
            else
                write_group(&w, c, 4, nibbles);
        for (uint32_t c = begin; c < end; c += GROUP)
            if (has_fifth)
                write_group(&w, c, 1, fifth_bits);
            else if (p->id == WEIR_FORMAT_Q6_K)
                write_group(&w, c, 2, upper_bits);
        write_scales(&w, begin / block, end / block);
    }
}

/* ---- matrices ------------------------------------------------------------------------------ */

/* ANY_BYTES: scales may be infinite or NaN; else they are finite and products stay so. */
typedef enum filling { ANY_BYTES, FINITE, NORMAL } filling;

typedef struct matrix {
    const struct packed_format *p;
    const weir_format *f;
    uint32_t n_strips, cols;
    size_t row_bytes, strip_bytes;
    uint8_t *blocks; /* exactly what the rows need */
    uint8_t *strips; /* [n_strips, strip_bytes], 64-byte aligned, exactly */
    int16_t *codes;  /* [rows, cols] */
    float *scales;   /* [rows, cols / 16] */
    float *lows;     /* [rows, cols / 16] */
} matrix;

static void *aligned(size_t bytes) {
    void *p = aligned_alloc(64, bytes);
    assert_non_null(p);
    return p;
}

static float next_normal(numbers *r) {
    float s = 0.0f;
    for (int i = 0; i < 12; i++)
        s += next_uniform(r);
    return 0.5f * s;
}

/* Up to 64, of either sign, some subnormal or zero. */
static void set_finite_scales(const struct packed_format *p, numbers *r, uint8_t *block) {
    for (size_t i = 0; i < p->n_halves; i++) {
        uint64_t bits = next_bits(r), exponent = bits >> 16 & 15 ? 1 + (bits >> 32) % 20 : 0;
        weir_store_u16(block + p->halves[i], (uint16_t)((bits & 0x83ff) | exponent << 10));
    }
    if (p->id == WEIR_FORMAT_MXFP4)
        block[0] = (uint8_t)(118 + next_bits(r) % 16);
}

static void fill_row(const matrix *m, filling how, numbers *r, uint8_t *row) {
    size_t bytes = weir_format_row_bytes(m->f, m->cols);
    if (how == NORMAL) {
        float *values = new_floats(m->cols);
        for (uint32_t c = 0; c < m->cols; c++)
            values[c] = 0.02f * next_normal(r);
        m->f->quantize(values, NULL, row, m->cols);
        free(values);
        return;
    }
    for (size_t i = 0; i < bytes; i++)
        row[i] = (uint8_t)(next_bits(r) >> 40);
    for (size_t i = 0; how == FINITE && i < bytes; i += m->f->block_bytes)
        set_finite_scales(m->p, r, row + i);
}

/* Strips and what the oracle needs, from the blocks. */
static void take_apart(matrix *m) {
    for (uint32_t s = 0; s < m->n_strips; s++)
        weir_t16_pack(m->p->id, m->blocks + s * ROWS * m->row_bytes, m->row_bytes, m->cols,
                      m->strips + s * m->strip_bytes);
    for (uint32_t row = 0; row < m->n_strips * ROWS; row++)
        for (uint32_t c = 0; c < m->cols; c++) {
            uint32_t n = m->f->block_values;
            const uint8_t *block = m->blocks + row * m->row_bytes + c / n * m->f->block_bytes;
            size_t part = ((size_t)row * m->cols + c) / 16;
            m->codes[(size_t)row * m->cols + c] = (int16_t)code_of(m->p->id, block, c % n);
            m->scales[part] = scale_of(m->p->id, block, c % n / 16, &m->lows[part]);
        }
}

static matrix new_matrix(const struct packed_format *p, uint32_t n_strips, uint32_t cols,
                         filling how, uint64_t seed) {
    matrix m = {.p = p, .f = format_of(p), .n_strips = n_strips, .cols = cols};
    numbers r = {seed * 1000 + p->id, 0};
    size_t used = weir_format_row_bytes(m.f, cols), n_rows = (size_t)n_strips * ROWS;
    m.row_bytes = used + next_bits(&r) % 7;
    m.strip_bytes = weir_t16_strip_bytes(p->id, cols);
    m.blocks = malloc((n_rows - 1) * m.row_bytes + used);
    assert_non_null(m.blocks);
    m.strips = aligned(n_strips * m.strip_bytes);
    m.codes = malloc(n_rows * cols * sizeof *m.codes);
    assert_non_null(m.codes);
    m.scales = new_floats(n_rows * cols / 16);
    m.lows = new_floats(n_rows * cols / 16);
    for (size_t row = 0; row < n_rows; row++)
        fill_row(&m, how, &r, m.blocks + row * m.row_bytes);
    take_apart(&m);
    return m;
}

static void free_matrix(matrix *m) {
    free(m->lows);
    free(m->scales);
    free(m->codes);
    free(m->strips);
    free(m->blocks);
}

/* ---- packing ------------------------------------------------------------------------------- */

static void test_what_fits(void **state) {
    (void)state;
    for (size_t i = 0; i < N_FORMATS; i++) {
        const struct packed_format *p = &formats[i];
        assert_int_equal(weir_t16_unit_cols(p->id), p->unit);
        assert_true(weir_t16_fits(p->id, 16, p->step));
        assert_true(weir_t16_fits(p->id, 48, 3 * p->step));
        assert_false(weir_t16_fits(p->id, 8, p->step));
        assert_false(weir_t16_fits(p->id, 40, p->step));
        assert_false(weir_t16_fits(p->id, 0, p->step));
        assert_false(weir_t16_fits(p->id, 16, 0));
        assert_false(weir_t16_fits(p->id, 16, p->step / 2));
        assert_false(weir_t16_fits(p->id, 16, p->step + p->step / 2));
    }
    size_t n_without = 0;
    for (size_t i = 0; weir_format_at(i); i++) {
        weir_format_id id = weir_format_at(i)->id;
        if (weir_t16_unit_cols(id) == 0) {
            assert_false(weir_t16_fits(id, 16, 512));
            n_without++;
        }
    }
    assert_int_equal(n_without, 5); /* f32, f16, bf16, q2_k, q3_k */
}

static void check_packing(const struct packed_format *p, uint32_t cols, uint64_t seed) {
    enum { GUARD = 64 };
    matrix m = new_matrix(p, 1, cols, ANY_BYTES, seed);
    size_t bytes = ROWS * weir_format_row_bytes(m.f, cols);
    assert_int_equal(m.strip_bytes,
                     bytes + (p->id == WEIR_FORMAT_Q6_K && cols / 256 % 2 == 1 ? 32 : 0));
    assert_int_equal(m.strip_bytes % 32, 0);

    uint8_t *want = malloc(m.strip_bytes), *guarded = aligned(m.strip_bytes + 2 * GUARD);
    assert_non_null(want);
    memset(want, 0, m.strip_bytes);
    write_strip(p, m.blocks, m.row_bytes, cols, want);
    memset(guarded, 0xa5, m.strip_bytes + 2 * GUARD);
    weir_t16_pack(p->id, m.blocks, m.row_bytes, cols, guarded + GUARD);
    for (size_t i = 0; i < m.strip_bytes + 2 * GUARD; i++) {
        bool is_inside = i >= GUARD && i < GUARD + m.strip_bytes;
        uint8_t expected = is_inside ? want[i - GUARD] : 0xa5;
        if (guarded[i] != expected)
            fail_msg("%s, %u columns: byte %td of a strip is %02x, expected %02x", m.f->name, cols,
                     (ptrdiff_t)i - GUARD, guarded[i], expected);
    }

    float *numbers_want = new_floats(cols), *got = new_floats(cols);
    for (uint32_t lane = 0; lane < ROWS; lane++) {
        m.f->dequantize(m.blocks + lane * m.row_bytes, numbers_want, cols);
        weir_t16_unpack_row(p->id, m.strips, lane, cols, got);
        assert_same(m.f->name, "unpack_row", got, numbers_want, cols);
    }
    free(got);
    free(numbers_want);
    free(guarded);
    free(want);
    free_matrix(&m);
}

static void test_packing(void **state) {
    (void)state;
    static const uint32_t steps[] = {1, 2, 3, 5, 8};
    for (size_t i = 0; i < N_FORMATS; i++)
        for (size_t s = 0; s < WEIR_COUNT(steps); s++)
            for (uint64_t seed = 0; seed < 8; seed++)
                check_packing(&formats[i], steps[s] * formats[i].step, seed);
}

/* ---- activations --------------------------------------------------------------------------- */

/* A row of activations by the law. */
typedef struct rounded {
    float *x;       /* [cols] */
    int32_t *q;     /* [cols] */
    int32_t *parts; /* [cols / 16] */
    float *scale;   /* [cols / 32] */
    float *sums;    /* [cols / 32] */
    uint8_t *own;   /* in the order of an instruction set */
} rounded;

static void round_by_law(rounded *a, uint32_t cols) {
    for (uint32_t g = 0; g < cols / GROUP; g++) {
        const float *x = a->x + g * GROUP;
        float most = 0.0f;
        int32_t sum = 0;
        for (uint32_t k = 0; k < GROUP; k++)
            most = fmaxf(most, fabsf(x[k]));
        bool is_zero = most < 0x1p-100f;
        for (uint32_t k = 0; k < GROUP; k++) {
            float q = is_zero ? 0.0f : nearbyintf(x[k] * (under_test->most / most));
            assert_true(fabsf(q) <= under_test->most);
            a->q[g * GROUP + k] = (int32_t)q;
        }
        for (uint32_t half = 0; half < 2; half++) {
            int32_t *part = &a->parts[2 * g + half];
            *part = 0;
            for (uint32_t k = 0; k < 16; k++)
                *part += a->q[g * GROUP + 16 * half + k];
            sum += *part;
        }
        a->scale[g] = is_zero ? 0.0f : most / under_test->most;
        a->sums[g] = (float)sum * a->scale[g];
    }
}

/* Room for a row; its x is to be filled. */
static rounded new_rounded(uint32_t cols) {
    rounded a = {.x = new_floats(cols),
                 .q = malloc(cols * sizeof *a.q),
                 .parts = malloc(cols / 16 * sizeof *a.parts),
                 .scale = new_floats(cols / GROUP),
                 .sums = new_floats(cols / GROUP),
                 .own = aligned(weir_q15_bytes(cols))};
    assert_non_null(a.q);
    assert_non_null(a.parts);
    return a;
}

/* Rounds x, by the law and by the instruction set, whose scales and sums are compared here: they
 * lie where the law says. Its q show in products only. */
static void round_both(const weir_cpu_kernels *k, rounded *a, uint32_t cols) {
    round_by_law(a, cols);
    memset(a->own, 0x5a, weir_q15_bytes(cols));
    rounding_of(k)(a->x, cols, a->own);
    weir_cpu_kernels plain;
    assert_int_equal(weir_cpu_kernels_for(&plain, "portable", NULL), WEIR_STATUS_OK);
    const size_t q_bytes = is_q8() && rounding_of(k) != plain.q8 ? 32 : 64;
    for (uint32_t g = 0; g < cols / GROUP; g++) {
        const weir_t16_tail *tail =
            (const weir_t16_tail *)(a->own + g * (q_bytes + sizeof *tail) + q_bytes);
        assert_same("scale", k->isa, &tail->scale, &a->scale[g], 1);
        assert_same("sum", k->isa, &tail->sum, &a->sums[g], 1);
        for (uint32_t i = 0; i < 2; i++)
            if (tail->parts[i] != a->parts[2 * g + i])
                fail_msg("%s, %s: part %u of group %u is %d, expected %d", k->isa, under_test->name,
                         i, g, tail->parts[i], a->parts[2 * g + i]);
    }
}

static void free_rounded(rounded *a) {
    free(a->own);
    free(a->sums);
    free(a->scale);
    free(a->parts);
    free(a->q);
    free(a->x);
}

/* ---- products ------------------------------------------------------------------------------ */

/* A row of the matrix times a row of activations, by the law. */
static float product_by_law(const matrix *m, uint32_t row, const rounded *a) {
    const bool has_low = m->p->id == WEIR_FORMAT_Q4_1 || m->p->id == WEIR_FORMAT_Q5_1 ||
                         m->p->id == WEIR_FORMAT_Q4_K || m->p->id == WEIR_FORMAT_Q5_K;
    const uint32_t step = m->p->id == WEIR_FORMAT_Q6_K ? 16 : GROUP;
    float f = 0.0f;
    for (uint32_t begin = 0; begin < m->cols; begin += step) {
        size_t at = (size_t)row * m->cols + begin;
        int64_t c = 0;
        for (uint32_t k = 0; k < step; k++)
            c += (int64_t)m->codes[at + k] * a->q[begin + k];
        assert_true(c >= INT32_MIN && c <= INT32_MAX);
        f = fmaf((float)(int32_t)c, m->scales[at / 16] * a->scale[begin / GROUP], f);
        if (has_low)
            f = fmaf(m->lows[at / 16], a->sums[begin / GROUP], f);
    }
    return f;
}

/* Of an instruction set's table; NULL, with a message, where it has none of its own. */
static weir_t16_fn *own_product(const weir_cpu_kernels *k, weir_format_id id) {
    weir_cpu_kernels plain;
    assert_int_equal(weir_cpu_kernels_for(&plain, "portable", NULL), WEIR_STATUS_OK);
    const char *name = weir_format_by_id(id)->name;
    weir_t16_fn *product = product_of(k, id);
    if (product && strcmp(k->isa, "portable") != 0 && product == product_of(&plain, id)) {
        if (rounding_of(k) != rounding_of(&plain))
            fail_msg("%s: %s has the product of portable C and activations in another order",
                     k->isa, name);
        print_message("skipped: %s has no product of its own for %s\n", k->isa, name);
        return NULL;
    }
    if (!product)
        print_message("skipped: %s has no product for %s\n", k->isa, name);
    return product;
}

/* Calls check for every format that an instruction set multiplies; skipped if there is none. */
static void for_products(const char *isa,
                         void (*check)(const weir_cpu_kernels *k, const struct packed_format *p,
                                       weir_t16_fn *product)) {
    weir_cpu_kernels k = kernels_of(isa);
    size_t n = 0;
    for (size_t i = 0; i < N_FORMATS; i++) {
        weir_t16_fn *product = own_product(&k, formats[i].id);
        if (product) {
            check(&k, &formats[i], product);
            n++;
        }
    }
    if (n == 0)
        skip();
    assert_non_null(rounding_of(&k));
}

/* Products of the first n_strips strips with rows first, first + 1, ... of MOST_X, around; against
 * want [MOST_X, all rows]. Nothing else may be written. */
static void check_batch(const char *isa, const matrix *m, weir_t16_fn *product, const rounded *x,
                        uint32_t first, uint32_t n_x, uint32_t n_strips, const float *want) {
    const uint32_t n_rows = m->n_strips * ROWS, n_used = n_strips * ROWS;
    const uint8_t *own[MOST_BATCH] = {0};
    float *y[MOST_BATCH] = {0}, *memory = new_floats((size_t)n_x * (n_rows + 1));
    for (uint32_t j = 0; j < n_x; j++) {
        own[j] = x[(first + j) % MOST_X].own;
        y[j] = memory + (size_t)j * (n_rows + 1);
        for (uint32_t i = 0; i <= n_rows; i++)
            y[j][i] = 12345.0f;
    }
    const weir_t16_strips strips = {
        m->strips, m->strip_bytes, n_strips, m->strips, {first % 4, first % 2 != 0}};
    product(&strips, own, n_x, m->cols, y);
    for (uint32_t j = 0; j < n_x; j++) {
        const float *expected = want + (size_t)((first + j) % MOST_X) * n_rows;
        for (uint32_t i = 0; i <= n_rows; i++) {
            float e = i < n_used ? expected[i] : 12345.0f;
            if (!same_bits(y[j][i], e))
                fail_msg(
                    "%s, %s, %s, %u columns, %u strips, row %u of %u: y[%u] is %a, expected %a",
                    isa, under_test->name, m->f->name, m->cols, n_strips, j, n_x, i,
                    (double)y[j][i], (double)e);
        }
    }
    free(memory);
}

/* One matrix and MOST_X rows of activations of every size, with what the law makes of them. */
static void check_shapes(const weir_cpu_kernels *k, const struct packed_format *p,
                         weir_t16_fn *product, uint32_t cols, const uint32_t *n_xs, size_t n_n_xs) {
    static const uint32_t strips[] = {1, 2, 7, 8, 9, MOST_STRIPS};
    matrix m = new_matrix(p, MOST_STRIPS, cols, FINITE, cols);
    numbers r = {cols, 0};
    rounded x[MOST_X];
    float *want = new_floats((size_t)MOST_X * MOST_STRIPS * ROWS);
    for (uint32_t j = 0; j < MOST_X; j++) {
        x[j] = new_rounded(cols);
        for (uint32_t c = 0; c < cols; c++)
            x[j].x[c] = j % 2 ? next_heavy(&r) : next_uniform(&r);
        round_both(k, &x[j], cols);
        for (uint32_t row = 0; row < MOST_STRIPS * ROWS; row++)
            want[(size_t)j * MOST_STRIPS * ROWS + row] = product_by_law(&m, row, &x[j]);
    }
    uint32_t first = 0;
    for (size_t i = 0; i < n_n_xs; i++)
        for (size_t s = 0; s < WEIR_COUNT(strips); s++, first += 7)
            check_batch(k->isa, &m, product, x, first % MOST_X, n_xs[i], strips[s], want);
    for (uint32_t j = 0; j < MOST_X; j++)
        free_rounded(&x[j]);
    free(want);
    free_matrix(&m);
}

static void check_products(const weir_cpu_kernels *k, const struct packed_format *p,
                           weir_t16_fn *product) {
    static const uint32_t all[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, MOST_X, MOST_BATCH},
                          few[] = {1, 2, 9, 17};
    static const uint32_t steps[] = {1, 2, 3, 5}, on_traps[] = {7, MOST_BATCH};
    if (is_trapped) { /* a tile instruction takes a microsecond */
        check_shapes(k, p, product, 3 * p->step, on_traps, WEIR_COUNT(on_traps));
        check_shapes(k, p, product, 1792, on_traps, 1);
        return;
    }
    for (size_t i = 0; i < WEIR_COUNT(steps); i++)
        check_shapes(k, p, product, steps[i] * p->step, all, WEIR_COUNT(all));
    /* Long rows, q6_k's with a half unit at their end. */
    check_shapes(k, p, product, 1792, few, WEIR_COUNT(few));
}

static void test_products(void **state) {
    for_products(*state, check_products);
}

/* Activations of a row have the same product alone and at every place of every batch. */
static void check_company(const weir_cpu_kernels *k, const struct packed_format *p,
                          weir_t16_fn *product) {
    enum { N_X = 9, N_STRIPS = 3, N_ROWS = N_STRIPS * ROWS };
    const uint32_t cols = 3 * p->step;
    matrix m = new_matrix(p, N_STRIPS, cols, NORMAL, 3);
    numbers r = {17, 0};
    rounded x[N_X];
    float alone[N_X][N_ROWS], together[N_X][N_ROWS];
    for (uint32_t j = 0; j < N_X; j++) {
        x[j] = new_rounded(cols);
        for (uint32_t c = 0; c < cols; c++)
            x[j].x[c] = next_normal(&r);
        rounding_of(k)(x[j].x, cols, x[j].own);
        const uint8_t *own = x[j].own;
        float *y = alone[j];
        product(&(weir_t16_strips){m.strips, m.strip_bytes, N_STRIPS, NULL, {0}}, &own, 1, cols,
                &y);
    }
    for (uint32_t n_x = 2; n_x <= N_X; n_x++)
        for (uint32_t first = 0; first < N_X; first++) {
            const uint8_t *own[N_X];
            float *y[N_X];
            for (uint32_t j = 0; j < n_x; j++) {
                own[j] = x[(first + j) % N_X].own;
                y[j] = together[j];
            }
            product(&(weir_t16_strips){m.strips, m.strip_bytes, N_STRIPS, NULL, {0}}, own, n_x,
                    cols, y);
            for (uint32_t j = 0; j < n_x; j++)
                assert_same(m.f->name, k->isa, together[j], alone[(first + j) % N_X], N_ROWS);
        }
    for (uint32_t j = 0; j < N_X; j++)
        free_rounded(&x[j]);
    free_matrix(&m);
}

static void test_company(void **state) {
    for_products(*state, check_company);
}

/* Every code at an end of its range, every activation at an end of its own, of equal and of
 * opposite signs: no sum may wrap or saturate. */
static void check_extremes(const weir_cpu_kernels *k, const struct packed_format *p,
                           weir_t16_fn *product) {
    enum { N_X = 8 };
    static const uint8_t bytes[][2] = {{0x00, 0x00}, {0xff, 0xff}, {0x80, 0x80},
                                       {0x7f, 0x7f}, {0x88, 0x88}, {0x77, 0x77},
                                       {0xf0, 0x0f}, {0x80, 0x7f}, {0x00, 0xff}};
    const uint32_t cols = 2 * p->step;
    matrix m = new_matrix(p, 1, cols, FINITE, 5);
    rounded x[MOST_X];
    for (uint32_t j = 0; j < N_X; j++) {
        x[j] = new_rounded(cols);
        for (uint32_t c = 0; c < cols; c++) /* all equal, or signs that change every 1 .. 64 */
            x[j].x[c] = j == 0 || (c >> (j - 1)) % 2 == 0 ? 3.0f : -3.0f;
        round_both(k, &x[j], cols);
    }
    for (uint32_t j = N_X; j < MOST_X; j++)
        x[j] = x[j % N_X];
    numbers r = {29, 0};
    for (size_t i = 0; i < WEIR_COUNT(bytes); i++) {
        size_t used = weir_format_row_bytes(m.f, cols);
        for (uint32_t row = 0; row < ROWS; row++) {
            for (size_t b = 0; b < used; b++)
                m.blocks[row * m.row_bytes + b] = bytes[i][b % 2];
            for (size_t b = 0; b < used; b += m.f->block_bytes)
                set_finite_scales(p, &r, m.blocks + row * m.row_bytes + b);
        }
        take_apart(&m);
        float want[MOST_X * ROWS];
        for (uint32_t j = 0; j < MOST_X; j++)
            for (uint32_t row = 0; row < ROWS; row++)
                want[j * ROWS + row] = product_by_law(&m, row, &x[j]);
        for (uint32_t first = 0; first < N_X; first++)
            check_batch(k->isa, &m, product, x, first, 1, 1, want);
        check_batch(k->isa, &m, product, x, 0, N_X, 1, want);
    }
    for (uint32_t j = 0; j < N_X; j++)
        free_rounded(&x[j]);
    free_matrix(&m);
}

static void test_extremes(void **state) {
    for_products(*state, check_extremes);
}

/* What is no number is not talked over: the whole row is NaN, in one row of x and in many. */
static void test_no_number(void **state) {
    weir_cpu_kernels k = kernels_of(*state);
    enum { COLS = 512, N_STRIPS = 2 };
    static const float wrong[] = {NAN, -NAN, INFINITY, -INFINITY};
    size_t n_run = 0;
    for (size_t f = 0; f < WEIR_COUNT(formats); f++) {
        weir_t16_fn *product = own_product(&k, formats[f].id);
        if (!product)
            continue;
        n_run++;
        matrix m = new_matrix(&formats[f], N_STRIPS, COLS, FINITE, 5);
        take_apart(&m);
        for (unsigned kind = 0; kind < 2 * WEIR_COUNT(wrong); kind++) {
            rounded x = new_rounded(COLS);
            for (uint32_t c = 0; c < COLS; c++)
                x.x[c] = kind % 2 || c == 77 ? wrong[kind / 2] : (float)c;
            rounding_of (&k)(x.x, COLS, x.own);
            for (uint32_t n_x = 1; n_x <= 5; n_x += 2) {
                float *memory = new_floats((size_t)n_x * m.n_strips * ROWS), *y[5];
                const uint8_t *own[5];
                for (uint32_t j = 0; j < n_x; j++) {
                    own[j] = x.own;
                    y[j] = memory + (size_t)j * m.n_strips * ROWS;
                }
                product(&(weir_t16_strips){m.strips,
                                           m.strip_bytes,
                                           m.n_strips,
                                           m.strips + (m.n_strips - 1) * m.strip_bytes,
                                           {0}},
                        own, n_x, COLS, y);
                for (uint32_t i = 0; i < n_x * m.n_strips * ROWS; i++)
                    if (!isnan(memory[i]))
                        fail_msg("%s, %s: output %u is %a, expected NaN", (const char *)*state,
                                 m.f->name, i, (double)memory[i]);
                free(memory);
            }
            free_rounded(&x);
        }
        free_matrix(&m);
    }
    if (n_run == 0)
        skip();
}

/* ---- rounding ------------------------------------------------------------------------------ */

/* Kinds of a group of activations, each at one of the edges of rounding. */
enum { N_EDGES = 14 };

static float edge_value(unsigned kind, uint32_t k, numbers *r) {
    switch (kind) {
    case 0:
        return 0.0f;
    case 1:
        return -0.0f;
    case 2: /* one huge value */
        return k == 19 ? -1e30f : next_uniform(r);
    case 3:
        return k % 2 ? FLT_MAX : -FLT_MAX;
    case 4: /* subnormal */
        return (float)(int)(next_bits(r) % 2001 - 1000) * 0x1p-149f;
    case 5: /* just too small to be more than 0 */
        return k % 3 ? nextafterf(0x1p-100f, 0.0f) : -0x1p-120f;
    case 6: /* just not */
        return k % 3 ? 0x1p-100f : -0x1p-110f * (float)k;
    case 7: /* its quotient is infinite */
        return k == 0 ? 0x1p-126f : 0.0f;
    case 8: /* all largest, one sign */
        return -2.718f;
    case 9: /* the factor is 1: halves go to the even neighbour */
        return k == 31 ? under_test->most : (float)((int)k - 16) + 0.5f;
    case 10:
        return k == 0 ? -under_test->most : under_test->most - 1.0f - (float)k + 0.5f;
    case 11: /* very far apart */
        return k % 4 == 0 ? FLT_MAX : k % 4 == 1 ? 0x1p-149f : -0x1p-40f;
    case 12:
        return k == 5 ? 1.0f : -0.0f;
    default:
        return next_heavy(r);
    }
}

/* A unit matrix in q8_0 shows every q: its product with the activations is q times scale. */
static void test_rounding(void **state) {
    const char *isa = *state;
    weir_cpu_kernels k = kernels_of(isa);
    weir_t16_fn *product = own_product(&k, WEIR_FORMAT_Q8_0);
    if (!product) {
        skip();
        return;
    }
    enum { COLS = 64, N_STRIPS = COLS / ROWS };
    const struct packed_format *p = &formats[4];
    assert_int_equal(p->id, WEIR_FORMAT_Q8_0);
    matrix m = new_matrix(p, N_STRIPS, COLS, FINITE, 7);
    for (uint32_t row = 0; row < COLS; row++) {
        weir_block_q8_0 *b = (weir_block_q8_0 *)(m.blocks + row * m.row_bytes);
        memset(b, 0, 2 * sizeof *b);
        weir_store_half(b[0].d, 1.0f);
        weir_store_half(b[1].d, 1.0f);
        b[row / GROUP].qs[row % GROUP] = 1;
    }
    take_apart(&m);
    numbers r = {31, 0};
    rounded x = new_rounded(COLS);
    for (unsigned kind = 0; kind < N_EDGES * N_EDGES * 4; kind++) {
        for (uint32_t c = 0; c < COLS; c++)
            x.x[c] = edge_value((c < GROUP ? kind : kind / N_EDGES) % N_EDGES, c % GROUP, &r);
        round_both(&k, &x, COLS);
        const uint8_t *own = x.own;
        float got[COLS], want[COLS], *y = got;
        product(&(weir_t16_strips){m.strips, m.strip_bytes, N_STRIPS, NULL, {0}}, &own, 1, COLS,
                &y);
        for (uint32_t c = 0; c < COLS; c++)
            want[c] = product_by_law(&m, c, &x);
        assert_same("q times scale", isa, got, want, COLS);
        for (uint32_t c = 0; c < COLS; c++)
            if (isfinite(got[c]) && !(fabsf(got[c] - x.x[c]) <= x.scale[c / GROUP] * 0.501f) &&
                fabsf(x.x[c]) >= 0x1p-100f)
                fail_msg("%s: %a is rounded to %a", isa, (double)x.x[c], (double)got[c]);
    }
    free_rounded(&x);
    free_matrix(&m);
}

/* ---- error --------------------------------------------------------------------------------- */

/* Against sums in float64 over the numbers of the matrix and activations that are not rounded. */
static double relative_error(const weir_cpu_kernels *k, weir_t16_fn *product, const matrix *m,
                             bool is_heavy) {
    enum { N_X = 6 };
    const uint32_t n_rows = m->n_strips * ROWS;
    numbers r = {41 + is_heavy, 0};
    rounded x = new_rounded(m->cols);
    float *y = new_floats(n_rows), *w = new_floats(m->cols);
    double error = 0.0, energy = 0.0;
    for (int round = 0; round < N_X; round++) {
        for (uint32_t c = 0; c < m->cols; c++) {
            float a = next_normal(&r);
            x.x[c] = is_heavy ? a * expf(1.5f * next_normal(&r)) : a;
        }
        rounding_of(k)(x.x, m->cols, x.own);
        const uint8_t *own = x.own;
        product(&(weir_t16_strips){m->strips, m->strip_bytes, m->n_strips, NULL, {0}}, &own, 1,
                m->cols, &y);
        for (uint32_t row = 0; row < n_rows; row++) {
            double exact = 0.0;
            m->f->dequantize(m->blocks + row * m->row_bytes, w, m->cols);
            for (uint32_t c = 0; c < m->cols; c++)
                exact += (double)w[c] * (double)x.x[c];
            error += ((double)y[row] - exact) * ((double)y[row] - exact);
            energy += exact * exact;
        }
    }
    free(w);
    free(y);
    free_rounded(&x);
    return sqrt(error / energy);
}

static void check_error(const weir_cpu_kernels *k, const struct packed_format *p,
                        weir_t16_fn *product) {
    matrix m = new_matrix(p, 4, 1024, NORMAL, 11);
    for (int is_heavy = 0; is_heavy < 2; is_heavy++) {
        double error = relative_error(k, product, &m, is_heavy);
        print_message("%s, %s, %s, %s activations: error %.2e\n", k->isa, under_test->name,
                      m.f->name, is_heavy ? "heavy-tailed" : "normal", error);
        if (!(error < under_test->error))
            fail_msg("%s, %s, %s: error %g, expected less than %g", k->isa, under_test->name,
                     m.f->name, error, under_test->error);
    }
    free_matrix(&m);
}

static void test_error(void **state) {
    for_products(*state, check_error);
}

static int run_arithmetic(const arithmetic *a) {
    const struct CMUnitTest tests[] = {
        PER_ISA(test_rounding), PER_ISA(test_products),  PER_ISA(test_company),
        PER_ISA(test_extremes), PER_ISA(test_no_number), PER_ISA(test_error),
    };
#define ON_TILES(test, isa) \
    { #test " on tiles, " isa, test, NULL, NULL, (void *)isa }
#define PER_TILES(test) ON_TILES(test, "amx"), ON_TILES(test, "emulated tiles")
    const struct CMUnitTest on_tiles[] = {
        PER_TILES(test_rounding),
        PER_TILES(test_products),
        PER_TILES(test_company),
        PER_TILES(test_extremes),
        PER_TILES(test_no_number),
        PER_TILES(test_error),
        ON_TILES(test_products, "amx, trapped"),
        ON_TILES(test_extremes, "amx, trapped"),
        ON_TILES(test_no_number, "amx, trapped"),
    };
    under_test = a;
    print_message("activations of %s\n", a->name);
    return is_on_tiles() ? cmocka_run_group_tests(on_tiles, NULL, NULL)
                         : cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void) {
    const struct CMUnitTest packing[] = {
        cmocka_unit_test(test_what_fits),
        cmocka_unit_test(test_packing),
    };
    int n_failed = cmocka_run_group_tests(packing, NULL, NULL);
    for (size_t i = 0; i < WEIR_COUNT(arithmetics); i++)
        n_failed += run_arithmetic(&arithmetics[i]);
    return n_failed;
}
