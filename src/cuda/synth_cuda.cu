/*
 * synth_cuda.cu: random weights from counters, on the device (docs/synth.md).
 *
 * One thread makes one value, or one block of a quantized format, and no thread needs another's
 * work. Invariant: a byte is a function of (seed, stream, its place in the tensor) alone; integers
 * are exact and each floating-point operation is rounded once, so the bytes are the host's.
 */
#include "cuda/synth_cuda.h"

#include "base/random.h"
#include "cuda/cuda_mma.cuh"
#include "cuda/cuda_words.cuh"
#include "quant/format.h"
#include <string.h>

enum { THREADS = 256, NO_FIELD = 255, SUM_MEAN = 131070 };

/* Where the parts of a block lie, as docs/synth.md has them in its table. */
struct block_form {
    uint32_t format;
    uint16_t block_values;
    uint8_t block_bytes, payload_at, n_payload, d_at, m_at;
    uint8_t or_mask, n_or; /* set in each of the first n_or bytes of the payload */
};

static const block_form forms[] = {
    {WEIR_FORMAT_Q4_0, 32, 18, 2, 16, 0, NO_FIELD, 0, 0},
    {WEIR_FORMAT_Q4_1, 32, 20, 4, 16, 0, 2, 0, 0},
    {WEIR_FORMAT_Q5_0, 32, 22, 2, 20, 0, NO_FIELD, 0, 0},
    {WEIR_FORMAT_Q5_1, 32, 24, 4, 20, 0, 2, 0, 0},
    {WEIR_FORMAT_Q8_0, 32, 34, 2, 32, 0, NO_FIELD, 0, 0},
    {WEIR_FORMAT_Q2_K, 256, 84, 0, 80, 80, 82, 0x88, 16},
    {WEIR_FORMAT_Q3_K, 256, 110, 0, 108, 108, NO_FIELD, 0, 0},
    {WEIR_FORMAT_Q4_K, 256, 144, 4, 140, 0, 2, 0xa0, 8},
    {WEIR_FORMAT_Q5_K, 256, 176, 4, 172, 0, 2, 0xa0, 8},
    {WEIR_FORMAT_Q6_K, 256, 210, 0, 208, 208, NO_FIELD, 0, 0},
    {WEIR_FORMAT_IQ4_NL, 32, 18, 2, 16, 0, NO_FIELD, 0, 0},
    {WEIR_FORMAT_IQ4_XS, 256, 136, 2, 134, 0, NO_FIELD, 0, 0},
    {WEIR_FORMAT_MXFP4, 32, 17, 1, 16, 0, NO_FIELD, 0, 0},
};

static const block_form *find_form(uint32_t format) {
    for (const block_form &form : forms)
        if (form.format == format)
            return &form;
    return nullptr;
}

static bool is_float(uint32_t format) {
    return format == WEIR_FORMAT_F32 || format == WEIR_FORMAT_F16 || format == WEIR_FORMAT_BF16;
}

int weir_cuda_can_synth(uint32_t format) {
    return is_float(format) || find_form(format) != nullptr;
}

/* weir_mix64 with its first half done: key is the same for a whole tensor. */
CU_DEVICE uint64_t word_at(uint64_t key, uint64_t i) {
    uint64_t z = key + 0x9e3779b97f4a7c15u * (i + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

CU_KERNEL(THREADS)
make_values(uint64_t key, uint32_t format, float scale, float offset, uint32_t n_cols,
            uint64_t first, uint64_t n, uint8_t *to, size_t pitch) {
    uint64_t at = (uint64_t)blockIdx.x * THREADS + threadIdx.x;
    if (at >= n)
        return;
    uint64_t bits = word_at(key, first + at);
    int32_t sum =
        (int32_t)((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
    uint16_t bf16 = cu_float_bf16(offset + (float)(sum - SUM_MEAN) * scale);
    uint8_t *row = to + at / n_cols * pitch;
    uint32_t column = (uint32_t)(at % n_cols);
    if (format == WEIR_FORMAT_BF16)
        ((uint16_t *)row)[column] = bf16;
    else if (format == WEIR_FORMAT_F16)
        ((uint16_t *)row)[column] = cu_float_half(cu_bf16_float(bf16));
    else
        ((float *)row)[column] = cu_bf16_float(bf16);
}

/* The low bytes of a word, lowest first. */
CU_DEVICE void store_bytes(uint8_t *to, uint64_t word, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        to[i] = (uint8_t)(word >> 8 * i);
}

/* -128 is left out of q8_0, as on the host. */
CU_DEVICE uint64_t limit_q8(uint64_t word) {
    for (uint32_t i = 0; i < 64; i += 8)
        if ((word >> i & 0xff) == 0x80)
            word |= (uint64_t)1 << i;
    return word;
}

/* The scale fields of the eight heads in words: an array would go to local memory. */
struct head_fields {
    uint64_t d[2], m[2], e;
};

CU_DEVICE uint16_t half_at(const uint64_t words[2], uint32_t head) {
    return (uint16_t)((head & 4 ? words[1] : words[0]) >> 16 * (head & 3));
}

CU_KERNEL(THREADS)
make_blocks(uint64_t key, block_form form, head_fields fields, uint32_t n_in_row, uint64_t first,
            uint64_t n, uint8_t *to, size_t pitch) {
    uint64_t block = (uint64_t)blockIdx.x * THREADS + threadIdx.x;
    if (block >= n)
        return;
    uint8_t *out = to + block / n_in_row * pitch + block % n_in_row * form.block_bytes;
    uint64_t at = (first + block) * (1 + (form.n_payload + 7u) / 8);
    uint32_t head = (uint32_t)(word_at(key, at++) & 7);
    for (uint32_t i = 0; i < form.n_payload; i += 8) {
        uint64_t word = word_at(key, at++);
        if (form.format == WEIR_FORMAT_Q8_0)
            word = limit_q8(word);
        if (i < form.n_or)
            word |= form.or_mask * (uint64_t)0x0101010101010101u;
        store_bytes(out + form.payload_at + i, word, cu_min(form.n_payload - i, 8));
    }
    if (form.format == WEIR_FORMAT_MXFP4)
        out[form.d_at] = (uint8_t)(fields.e >> 8 * head);
    else
        store_bytes(out + form.d_at, half_at(fields.d, head), 2);
    if (form.m_at != NO_FIELD)
        store_bytes(out + form.m_at, half_at(fields.m, head), 2);
}

void weir_cuda_run_synth(weir_cuda_stream *stream, const weir_cuda_synth *synth, uint32_t n_cols,
                         uint64_t row, uint64_t n_rows, uint8_t *to, size_t pitch) {
    const block_form *form = find_form(synth->format);
    uint32_t n_in_row = form ? n_cols / form->block_values : n_cols;
    uint64_t key = weir_mix(synth->seed + 0x9e3779b97f4a7c15u * (synth->stream + 1));
    head_fields fields;
    memcpy(fields.d, synth->d, sizeof fields.d);
    memcpy(fields.m, synth->m, sizeof fields.m);
    memcpy(&fields.e, synth->e, sizeof fields.e);
    /* Pieces of rows, so that a grid stays within what a device takes. */
    uint64_t most = ((uint64_t)1 << 36) / n_in_row;
    while (n_rows > 0) {
        uint64_t n = n_rows < most ? n_rows : most;
        uint32_t grid = cu_parts((size_t)(n * n_in_row), THREADS);
        if (form)
            CU_LAUNCH(make_blocks, grid, THREADS, stream, key, *form, fields, n_in_row,
                      row * n_in_row, n * n_in_row, to, pitch);
        else
            CU_LAUNCH(make_values, grid, THREADS, stream, key, synth->format, synth->scale,
                      synth->offset, n_cols, row * n_cols, n * n_cols, to, pitch);
        row += n;
        n_rows -= n;
        to += n * pitch;
    }
}
