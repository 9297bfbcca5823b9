/*
 * state_file.c: weir_seq_save, weir_seq_load and the parser between them.
 *
 *   offset  bytes  header, little-endian
 *        0      8  "WEIRSEQ\n"
 *        8      4  version, 1
 *       12      4  flags: 1 conv state present, 2 logits present
 *       16      8  fingerprint of the model and of the adapters in use
 *       24      4  K/V type: 0 f32, 1 f16, 2 q8
 *       28      4  vocabulary
 *       32      4  tokens
 *       36      4  tokens with K/V
 *       40      8  bytes of a page
 *       48      8  values of the conv state
 *       56      8  XXH64 of bytes 0 .. 55
 *       64         sections: tokens, pages, [conv state], [logits]; each: its bytes, then their
 *                  XXH64 (8 bytes) seeded with the section's number. Nothing follows.
 *
 * Unused places of the last page are zeros, so equal timelines give equal files.
 */
#include "engine/state_file.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/engine.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { HEADER_BYTES = 64, SUM_BYTES = 8, HAS_STATE = 1, HAS_LOGITS = 2 };
enum { SECTION_TOKENS = 1, SECTION_PAGES, SECTION_STATE, SECTION_LOGITS };

static const char magic[8] = "WEIRSEQ\n";

static uint32_t get_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get_u64(const uint8_t *p) {
    return (uint64_t)get_u32(p + 4) << 32 | get_u32(p);
}

static void put_u32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static void put_u64(uint8_t *p, uint64_t v) {
    put_u32(p, (uint32_t)v);
    put_u32(p + 4, (uint32_t)(v >> 32));
}

uint64_t weir_engine_fingerprint(const weir_engine *e, const float *lora_scales) {
    uint64_t fingerprint = e->model->fingerprint;
    for (uint32_t i = 0; i < e->n_loras; i++)
        if (lora_scales[i] != 0.0f)
            fingerprint = XXH64(&lora_scales[i], sizeof lora_scales[i],
                                fingerprint ^ e->loras[i]->fingerprint);
    return fingerprint;
}

static weir_state_shape shape_of(const weir_engine *e, const float *lora_scales) {
    const weir_model *m = e->model;
    return (weir_state_shape){.fingerprint = weir_engine_fingerprint(e, lora_scales),
                              .kv_type = e->backend->kv.type,
                              .n_vocab = m->h.n_vocab,
                              .n_ctx = e->plan.n_ctx,
                              .page_bytes = e->backend->kv.page_bytes,
                              .state_values =
                                  (uint64_t)m->n_layers_conv * m->h.d_model * (m->h.l_cache - 1)};
}

/* ---- reading ---- */

typedef struct cursor {
    const uint8_t *data;
    size_t size, at;
    bool skip_sums;
    const char *name;
    weir_error *err;
} cursor;

/* Takes a section of `bytes` and checks its sum. */
static weir_status take_section(cursor *c, int section, uint64_t bytes, const uint8_t **out) {
    uint64_t left = c->size - c->at;
    if (left < SUM_BYTES || bytes > left - SUM_BYTES)
        return weir_fail(c->err, WEIR_STATUS_BAD_FILE,
                         "%s: byte %zu: section %d needs %llu bytes and a checksum, %llu are left",
                         c->name, c->at, section, (unsigned long long)bytes,
                         (unsigned long long)left);
    *out = c->data + c->at;
    uint64_t sum = get_u64(c->data + c->at + bytes);
    if (!c->skip_sums && sum != XXH64(*out, bytes, (uint64_t)section))
        return weir_fail(c->err, WEIR_STATUS_BAD_FILE,
                         "%s: byte %zu: the checksum of section %d does not match: the file is "
                         "damaged",
                         c->name, c->at, section);
    c->at += bytes + SUM_BYTES;
    return WEIR_STATUS_OK;
}

static weir_status check_header(const cursor *c, const weir_state_shape *shape) {
    const uint8_t *h = c->data;
    if (c->size < HEADER_BYTES)
        return weir_fail(c->err, WEIR_STATUS_BAD_FILE,
                         "%s: %zu bytes: a state file begins with a header of %d", c->name, c->size,
                         HEADER_BYTES);
    if (memcmp(h, magic, sizeof magic) != 0)
        return weir_fail(c->err, WEIR_STATUS_BAD_FILE, "%s: byte 0: not a weir state file",
                         c->name);
    if (get_u32(h + 8) != WEIR_STATE_VERSION)
        return weir_fail(c->err, WEIR_STATUS_BAD_FILE, "%s: byte 8: version %u, expected %d",
                         c->name, get_u32(h + 8), WEIR_STATE_VERSION);
    if (!c->skip_sums && get_u64(h + 56) != XXH64(h, 56, 0))
        return weir_fail(c->err, WEIR_STATUS_BAD_FILE,
                         "%s: byte 56: the header's checksum does not match: the file is damaged",
                         c->name);
    if (get_u64(h + 16) != shape->fingerprint)
        return weir_fail(
            c->err, WEIR_STATUS_BAD_FILE,
            "%s: byte 16: saved from another model or with other adapters (fingerprint %016llx, "
            "expected %016llx)",
            c->name, (unsigned long long)get_u64(h + 16), (unsigned long long)shape->fingerprint);
    if (get_u32(h + 24) != shape->kv_type)
        return weir_fail(c->err, WEIR_STATUS_BAD_FILE,
                         "%s: byte 24: saved with K/V %s, the engine has %s", c->name,
                         get_u32(h + 24) <= WEIR_KV_Q8
                             ? weir_kv_type_name((weir_kv_type)get_u32(h + 24))
                             : "of an unknown type",
                         weir_kv_type_name((weir_kv_type)shape->kv_type));
    if (get_u32(h + 28) != shape->n_vocab || get_u64(h + 40) != shape->page_bytes ||
        get_u64(h + 48) != shape->state_values || get_u32(h + 12) > (HAS_STATE | HAS_LOGITS))
        return weir_fail(c->err, WEIR_STATUS_BAD_FILE,
                         "%s: byte 12: vocabulary, page or state size do not fit this model",
                         c->name);
    return WEIR_STATUS_OK;
}

weir_status weir_state_parse(weir_state_view *out, const void *data, size_t size,
                             const weir_state_shape *shape, bool skip_sums, const char *name,
                             weir_error *err) {
    cursor c = {data, size, HEADER_BYTES, skip_sums, name, err};
    memset(out, 0, sizeof *out);
    WEIR_TRY(check_header(&c, shape));
    uint32_t flags = get_u32(c.data + 12);
    uint32_t n_tokens = get_u32(c.data + 32), n_kv = get_u32(c.data + 36);
    if (n_kv > n_tokens || ((flags & HAS_STATE) && n_kv == 0) ||
        ((flags & HAS_LOGITS) && (n_kv == 0 || n_kv != n_tokens)))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: byte 32: %u tokens, %u with K/V, flags %u do not agree", name,
                         n_tokens, n_kv, flags);
    if (n_tokens > shape->n_ctx)
        return weir_fail(err, WEIR_STATUS_FULL,
                         "%s: byte 32: %u tokens, the engine's timelines hold %u (n_ctx)", name,
                         n_tokens, shape->n_ctx);
    out->n_tokens = n_tokens;
    out->n_kv = n_kv;
    out->n_pages = weir_pages_for(n_kv);
    WEIR_TRY(take_section(&c, SECTION_TOKENS, (uint64_t)n_tokens * 4, &out->tokens));
    /* page_bytes comes from the engine, n_pages is at most n_ctx / 64 + 1: no overflow */
    WEIR_TRY(take_section(&c, SECTION_PAGES, out->n_pages * shape->page_bytes, &out->pages));
    if (flags & HAS_STATE)
        WEIR_TRY(take_section(&c, SECTION_STATE, shape->state_values * 4, &out->state));
    if (flags & HAS_LOGITS)
        WEIR_TRY(take_section(&c, SECTION_LOGITS, (uint64_t)shape->n_vocab * 4, &out->logits));
    if (c.at != size)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: byte %zu: %zu bytes too many", name, c.at,
                         size - c.at);
    for (uint32_t i = 0; i < n_tokens; i++)
        if (get_u32(out->tokens + 4 * (size_t)i) >= shape->n_vocab)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: byte %zu: token %u is outside the vocabulary of %u", name,
                             HEADER_BYTES + 4 * (size_t)i, get_u32(out->tokens + 4 * (size_t)i),
                             shape->n_vocab);
    return WEIR_STATUS_OK;
}

/* The file has been checked whole; what can still fail is room. */
static weir_status load_view(weir_seq *s, const weir_state_view *view, weir_error *err) {
    weir_engine *e = s->engine;
    size_t page_bytes = e->backend->kv.page_bytes;
    uint8_t *page = malloc(page_bytes + 1); /* without attention layers a page is empty */
    float *state = malloc(shape_of(e, e->lora_scales).state_values * sizeof(float) + 1);
    weir_status status = WEIR_STATUS_OK;
    if (!page || !state) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to load a timeline");
        goto fail;
    }
    for (uint32_t i = 0; i < view->n_pages; i++) {
        uint32_t number = weir_engine_take_page(e);
        if (number == WEIR_NO_PAGE) {
            status =
                weir_fail(err, WEIR_STATUS_FULL,
                          "the file has %u K/V pages, %u were free (n_pages)", view->n_pages, i);
            goto fail;
        }
        s->nodes[i] = WEIR_NO_NODE;
        s->pages[s->n_pages++] = number;
        memcpy(page, view->pages + i * page_bytes, page_bytes);
        e->backend->page_write(e->backend, number, page);
    }
    for (uint32_t i = 0; i < view->n_tokens; i++)
        s->tokens[i] = (int32_t)get_u32(view->tokens + 4 * (size_t)i);
    s->is_loaded = true;
    s->n_tokens = view->n_tokens;
    s->n_kv = view->n_kv;
    if (view->state) {
        memcpy(state, view->state, shape_of(e, e->lora_scales).state_values * sizeof(float));
        e->backend->state_write(e->backend, s->state, state);
        s->state_pos = s->n_kv;
    }
    if (view->logits) {
        memcpy(s->logits, view->logits, e->model->h.n_vocab * sizeof(float));
        s->logits_pos = s->n_kv;
    }
fail:
    free(page);
    free(state);
    return status;
}

weir_status weir_seq_load(weir_seq **out, weir_engine *e, const char *path, weir_error *err) {
    weir_map map = {0};
    weir_state_view view;
    weir_state_shape shape = shape_of(e, e->lora_scales);
    *out = NULL;
    WEIR_TRY(weir_map_open(&map, path, err));
    weir_status status = weir_state_parse(&view, map.data, map.size, &shape, false, path, err);
    if (status == WEIR_STATUS_OK)
        status = weir_seq_open(out, e, err);
    if (status == WEIR_STATUS_OK)
        status = load_view(*out, &view, err);
    if (status != WEIR_STATUS_OK)
        weir_seq_close(out);
    weir_map_close(&map);
    return status;
}

/* ---- writing ---- */

static weir_status put_sum(weir_out *out, XXH64_state_t *sum, weir_error *err) {
    uint8_t bytes[SUM_BYTES];
    put_u64(bytes, XXH64_digest(sum));
    return weir_out_write(out, bytes, sizeof bytes, err);
}

static weir_status put_section(weir_out *out, XXH64_state_t *sum, int section, const void *data,
                               size_t n, weir_error *err) {
    XXH64_reset(sum, (uint64_t)section);
    XXH64_update(sum, data, n);
    WEIR_TRY(weir_out_write(out, data, n, err));
    return put_sum(out, sum, err);
}

/* Places of the page behind its first n_tokens tokens become zeros. */
static void clear_unused(const weir_backend *be, uint8_t *page, uint32_t n_tokens) {
    const weir_kv_layout *kv = &be->kv;
    size_t used = n_tokens * kv->vector_bytes;
    size_t end = 0;
    for (uint32_t a = 0; a < be->model->n_layers_attn; a++)
        for (uint32_t head = 0; head < 2 * kv->layer_heads[a]; head++) {
            size_t at = kv->layer_at[a] + head * kv->head_bytes;
            memset(page + at + used, 0, kv->head_bytes - used);
            end = at + kv->head_bytes;
        }
    memset(page + end, 0, kv->page_bytes - end);
}

/* What was read of a lost device must not become a file. */
static weir_status check_device(const weir_backend *be, weir_error *err) {
    if (!be->failure)
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_FAILED,
                     "the %s device is lost (%s): its state cannot be read", be->name, be->failure);
}

static weir_status put_pages(const weir_seq *s, weir_out *out, XXH64_state_t *sum, uint8_t *page,
                             weir_error *err) {
    weir_backend *be = s->engine->backend;
    XXH64_reset(sum, SECTION_PAGES);
    for (uint32_t i = 0; i < weir_pages_for(s->n_kv); i++) {
        uint32_t n = s->n_kv - i * WEIR_PAGE_TOKENS;
        be->page_read(be, s->pages[i], page);
        WEIR_TRY(check_device(be, err));
        clear_unused(be, page, n < WEIR_PAGE_TOKENS ? n : WEIR_PAGE_TOKENS);
        XXH64_update(sum, page, be->kv.page_bytes);
        WEIR_TRY(weir_out_write(out, page, be->kv.page_bytes, err));
    }
    return put_sum(out, sum, err);
}

static weir_status put_all(const weir_seq *s, weir_out *out, XXH64_state_t *sum, uint8_t *page,
                           float *state, weir_error *err) {
    weir_backend *be = s->engine->backend;
    weir_state_shape shape = shape_of(s->engine, s->lora_scales);
    bool has_state = s->state_pos == s->n_kv && s->n_kv > 0;
    const float *logits = weir_seq_logits(s);
    uint8_t h[HEADER_BYTES] = {0};
    memcpy(h, magic, sizeof magic);
    put_u32(h + 8, WEIR_STATE_VERSION);
    put_u32(h + 12, (has_state ? HAS_STATE : 0u) | (logits ? HAS_LOGITS : 0u));
    put_u64(h + 16, shape.fingerprint);
    put_u32(h + 24, shape.kv_type);
    put_u32(h + 28, shape.n_vocab);
    put_u32(h + 32, s->n_tokens);
    put_u32(h + 36, s->n_kv);
    put_u64(h + 40, shape.page_bytes);
    put_u64(h + 48, shape.state_values);
    put_u64(h + 56, XXH64(h, 56, 0));
    WEIR_TRY(weir_out_write(out, h, sizeof h, err));
    WEIR_TRY(put_section(out, sum, SECTION_TOKENS, s->tokens, (size_t)s->n_tokens * 4, err));
    WEIR_TRY(put_pages(s, out, sum, page, err));
    if (has_state) {
        be->state_read(be, s->state, state);
        WEIR_TRY(check_device(be, err));
        WEIR_TRY(put_section(out, sum, SECTION_STATE, state, shape.state_values * 4, err));
    }
    if (logits)
        WEIR_TRY(put_section(out, sum, SECTION_LOGITS, logits, (size_t)shape.n_vocab * 4, err));
    return WEIR_STATUS_OK;
}

weir_status weir_seq_save(const weir_seq *s, const char *path, weir_error *err) {
    weir_out *out = NULL;
    weir_status status = WEIR_STATUS_OK;
    XXH64_state_t *sum = XXH64_createState();
    uint8_t *page = malloc(s->engine->backend->kv.page_bytes + 1);
    float *state = malloc(shape_of(s->engine, s->lora_scales).state_values * sizeof(float) + 1);
    if (!sum || !page || !state) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to save a timeline");
        goto fail;
    }
    WEIR_TRY_GOTO(weir_out_open(&out, path, true, err));
    WEIR_TRY_GOTO(put_all(s, out, sum, page, state, err));
    status = weir_out_commit(&out, err);
fail:
    weir_out_abort(&out);
    XXH64_freeState(sum);
    free(page);
    free(state);
    return status;
}
