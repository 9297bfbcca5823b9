/*
 * plan_search.c: sums, and bisections over them.
 *
 * Invariant: what is taken never shrinks when context or conversations grow, which the bisections
 * rest on. A setting that the library refuses (a K/V type that the heads do not allow, more pages
 * than there are numbers) does not fit.
 */
#include "plan_search.h"

#include "base/error.h"
#include "base/file.h"
#include "engine_shape.h"
#include "ram_room.h"

#include <stdlib.h>
#include <string.h>

enum {
    PAGE_TOKENS = 64,
    LEAST_CTX = 512, /* below, hardly a question and its answer have room */
    MOST_SEQS = 1 << 16,
    SMALL_BATCH = 64,
    LOOKUP_LENGTHS = 5 /* entries of a token in the index of drafts */
};

#define SMALL_PAGE_BYTES ((uint64_t)4 << 10)
#define HUGE_PAGE_BYTES  ((uint64_t)2 << 20)
/* By which the program may be larger when it runs: what is proposed has to
 * start. */
#define PROGRAM_SLACK ((uint64_t)2 << 20)

/* ---- the parts ------------------------------------------------------------------------------ */

uint64_t weir_plan_item(const weir_plan *plan, const char *what) {
    for (size_t i = 0; i < plan->n_items; i++)
        if (strcmp(plan->item[i].what, what) == 0)
            return plan->item[i].bytes;
    return 0;
}

uint64_t weir_plan_header_bytes(const weir_model *model) {
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < weir_model_n_tensors(model); i++) {
        weir_tensor_info tensor;
        weir_model_tensor(model, i, &tensor);
        first = tensor.file_offset < first ? tensor.file_offset : first;
    }
    return first < UINT64_MAX ? first : 0;
}

/* Five arrays over the vocabulary: logits, candidates, weights, counts, and which were counted. */
uint64_t weir_plan_sampler_bytes(uint32_t n_vocab) {
    return (uint64_t)n_vocab *
           (sizeof(float) + 2 * sizeof(float) + sizeof(double) + 2 * sizeof(int32_t));
}

/* Each: a power of two of slots, twice the n-grams at least. */
uint64_t weir_plan_drafts_bytes(uint32_t n_ctx, uint32_t n_seqs) {
    uint64_t n = 64;
    while (n < 2 * (uint64_t)n_ctx * LOOKUP_LENGTHS && n < UINT64_C(1) << 31)
        n *= 2;
    return n * sizeof(uint32_t) * (n_seqs < WEIR_SHAPE_GUESSING ? n_seqs : WEIR_SHAPE_GUESSING);
}

/* What stands out behind an arena of so many bytes. */
static uint64_t page_end(uint64_t bytes) {
    uint64_t page = bytes < HUGE_PAGE_BYTES ? SMALL_PAGE_BYTES : HUGE_PAGE_BYTES;
    return bytes % page ? page - bytes % page : 0;
}

/* The engine has three arenas: the weights, the device, the timelines. */
static uint64_t page_ends(const weir_plan *plan) {
    uint64_t timelines = weir_plan_item(plan, "timelines");
    uint64_t weights = weir_plan_item(plan, "weights") + weir_plan_item(plan, "experts, cached");
    return page_end(weights) + page_end(timelines) + page_end(plan->engine_bytes - timelines);
}

/* "\nRss:        123 kB" in bytes; 0: there is no such line. */
static uint64_t kib_line(const char *text, const char *key) {
    const char *line = text ? strstr(text, key) : NULL;
    return line ? strtoull(line + strlen(key), NULL, 10) * 1024 : 0;
}

/* Of smaps_rollup, which counts pages; statm lags behind by some for each thread. */
weir_plan_resident weir_plan_resident_now(void) {
    char *text = NULL;
    size_t n;
    weir_file_read("/proc/self/smaps_rollup", 1 << 16, &text, &n, NULL);
    weir_plan_resident resident = {kib_line(text, "\nRss:"), kib_line(text, "\nAnonymous:")};
    free(text);
    return resident;
}

/* ---- the whole ------------------------------------------------------------------------------ */

weir_status weir_plan_engine(weir_engine_options *out, const weir_model *model,
                             const weir_plan_settings *s, weir_error *err) {
    *out = s->engine;
    out->n_pages = 0;
    if (s->use == WEIR_PLAN_RUN) {
        weir_shape_for_run(out, s->n_lookup);
        return WEIR_STATUS_OK;
    }
    weir_shape_for_serving(out, s->n_lookup);
    if (s->kv_bytes == 0)
        return WEIR_STATUS_OK;
    uint64_t kv_bytes = s->kv_bytes == WEIR_PLAN_KV_QUARTER ? s->ram_bytes / 4 : s->kv_bytes;
    return weir_shape_pages(out, model, kv_bytes, err);
}

static void sum_up(weir_plan_whole *out) {
    out->page_ends_bytes = page_ends(&out->engine);
    out->total_bytes = out->engine.total_bytes + out->samplers_bytes + out->drafts_bytes +
                       out->program_bytes + out->page_ends_bytes;
}

weir_status weir_plan_whole_make(weir_plan_whole *out, const weir_model *model,
                                 const weir_plan_settings *s, weir_error *err) {
    weir_engine_options engine;
    weir_model_info info;
    *out = (weir_plan_whole){.program_bytes = s->program_bytes};
    WEIR_TRY(weir_plan_engine(&engine, model, s, err));
    WEIR_TRY(weir_plan_make(&out->engine, model, &engine, err));
    out->total_bytes = out->engine.total_bytes;
    if (s->has_own_memory) {
        out->program_bytes = 0;
        return WEIR_STATUS_OK;
    }
    weir_model_get_info(model, &info);
    out->samplers_bytes = out->engine.n_seqs * weir_plan_sampler_bytes(info.n_vocab);
    if (s->n_lookup > 0)
        out->drafts_bytes = weir_plan_drafts_bytes(out->engine.n_ctx, out->engine.n_seqs);
    sum_up(out);
    /* As the run itself will reckon. */
    uint64_t outside = out->total_bytes - out->engine.total_bytes - out->page_ends_bytes;
    engine.ram_bytes = weir_ram_left(s->ram_bytes, outside + PROGRAM_SLACK);
    if (!s->may_stream || out->engine.total_bytes <= engine.ram_bytes || info.n_experts == 0 ||
        (engine.device && strcmp(engine.device, "cpu") != 0))
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_plan_make(&out->engine, model, &engine, err));
    sum_up(out);
    out->stream_ram_bytes = engine.ram_bytes;
    return WEIR_STATUS_OK;
}

bool weir_plan_fits(weir_plan_whole *whole, const weir_model *model,
                    const weir_plan_settings *settings) {
    weir_plan_whole local;
    whole = whole ? whole : &local;
    return weir_plan_whole_make(whole, model, settings, NULL) == WEIR_STATUS_OK &&
           whole->total_bytes <= settings->ram_bytes;
}

/* ---- the largest that fits ------------------------------------------------------------------ */

/* The largest of 1 .. most for which `fits` says yes, as it does up to there; 0: none. */
static uint32_t largest(uint32_t most, bool (*fits)(void *context, uint32_t n), void *context) {
    uint32_t yes = 0, no = most + 1;
    if (most > 0 && fits(context, most))
        return most;
    while (no - yes > 1) {
        uint32_t middle = yes + (no - yes) / 2;
        if (fits(context, middle))
            yes = middle;
        else
            no = middle;
    }
    return yes;
}

typedef struct trial {
    const weir_model *model;
    weir_plan_settings settings;
    uint32_t model_ctx;
} trial;

static trial begin_trial(const weir_model *model, const weir_plan_settings *settings) {
    weir_model_info info;
    weir_model_get_info(model, &info);
    trial t = {.model = model, .settings = *settings, .model_ctx = info.n_ctx};
    t.settings.kv_bytes = 0;
    return t;
}

static uint32_t ctx_of_pages(const trial *t, uint32_t n_pages) {
    return n_pages > t->model_ctx / PAGE_TOKENS ? t->model_ctx : n_pages * PAGE_TOKENS;
}

static bool fits_pages(void *context, uint32_t n_pages) {
    trial *t = context;
    t->settings.engine.n_ctx = ctx_of_pages(t, n_pages);
    return weir_plan_fits(NULL, t->model, &t->settings);
}

uint32_t weir_plan_longest_context(const weir_model *model, const weir_plan_settings *settings) {
    trial t = begin_trial(model, settings);
    uint32_t n_pages = (t.model_ctx + PAGE_TOKENS - 1) / PAGE_TOKENS;
    return ctx_of_pages(&t, largest(n_pages, fits_pages, &t));
}

static bool fits_seqs(void *context, uint32_t n_seqs) {
    trial *t = context;
    t->settings.engine.n_seqs = n_seqs;
    return weir_plan_fits(NULL, t->model, &t->settings);
}

uint32_t weir_plan_most_conversations(const weir_model *model, const weir_plan_settings *settings) {
    trial t = begin_trial(model, settings);
    return largest(settings->use == WEIR_PLAN_RUN ? 1 : MOST_SEQS, fits_seqs, &t);
}

/* ---- ways to fit ---------------------------------------------------------------------------- */

static uint32_t least_context(const weir_plan_whole *asked) {
    return asked->engine.n_ctx < LEAST_CTX ? asked->engine.n_ctx : LEAST_CTX;
}

typedef struct remedies {
    weir_plan_remedy *out; /* [n] */
    size_t n;
    const weir_model *model;
    const weir_plan_settings *asked;
    weir_plan_whole whole; /* of what was asked for, defaults filled in */
    uint32_t least_ctx;
} remedies;

/* Taken into the list if it fits. */
static bool try_settings(remedies *r, const char *what, const weir_plan_settings *settings) {
    weir_plan_remedy *remedy = &r->out[r->n];
    if (r->n == WEIR_PLAN_REMEDIES || !weir_plan_fits(&remedy->whole, r->model, settings))
        return false;
    remedy->what = what;
    remedy->settings = *settings;
    r->n++;
    return true;
}

/* With the context asked for, or else with the longest that fits. */
static bool try_contexts(remedies *r, const char *what, const char *what_shorter,
                         weir_plan_settings s) {
    if (try_settings(r, what, &s))
        return true;
    s.engine.n_ctx = weir_plan_longest_context(r->model, &s);
    return s.engine.n_ctx >= r->least_ctx && s.engine.n_ctx < r->whole.engine.n_ctx &&
           try_settings(r, what_shorter, &s);
}

static bool has_kv_type(const weir_plan_settings *s, const char *type) {
    return strcmp(s->engine.kv_type ? s->engine.kv_type : "f16", type) == 0;
}

static void try_smaller_context(remedies *r) {
    weir_plan_settings s = *r->asked;
    s.kv_bytes = 0;
    s.engine.n_ctx = weir_plan_longest_context(r->model, &s);
    if (s.engine.n_ctx >= r->least_ctx && s.engine.n_ctx < r->whole.engine.n_ctx)
        try_settings(r, "a smaller context", &s);
}

static void try_smaller_kv(remedies *r) {
    weir_plan_settings s = *r->asked;
    s.kv_bytes = 0;
    if (has_kv_type(&s, "f32")) {
        s.engine.kv_type = "f16";
        try_settings(r, "K/V in 16 bits", &s);
    }
    if (has_kv_type(&s, "q8"))
        return;
    s.engine.kv_type = "q8";
    try_contexts(r, "K/V in 8 bits", "K/V in 8 bits and a smaller context", s);
}

/* All conversations share what is left, down to one that is whole. */
static void try_shared_pages(remedies *r) {
    weir_plan_settings s = *r->asked;
    weir_plan_whole least;
    if (s.use != WEIR_PLAN_SERVE)
        return;
    s.kv_bytes = 1; /* the pages of one timeline */
    if (!weir_plan_fits(&least, r->model, &s))
        return;
    s.kv_bytes = weir_plan_item(&least.engine, "K/V pages") + s.ram_bytes - least.total_bytes;
    /* More pages may end in one more huge page, and lists of them grow along. */
    for (int i = 0; i < 4 && !weir_plan_fits(NULL, r->model, &s); i++)
        s.kv_bytes = s.kv_bytes > HUGE_PAGE_BYTES ? s.kv_bytes - HUGE_PAGE_BYTES : 1;
    try_settings(r, "K/V pages that the conversations share", &s);
}

static void try_fewer_conversations(remedies *r) {
    weir_plan_settings s = *r->asked;
    s.kv_bytes = 0;
    s.engine.n_seqs = weir_plan_most_conversations(r->model, &s);
    if (s.engine.n_seqs > 0 && s.engine.n_seqs < r->whole.engine.n_seqs)
        try_settings(r, "fewer conversations", &s);
}

static void try_smaller_batch(remedies *r) {
    weir_plan_settings s = *r->asked;
    s.engine.n_batch = SMALL_BATCH;
    if (s.use == WEIR_PLAN_SERVE && r->whole.engine.n_batch > SMALL_BATCH)
        try_settings(r, "fewer rows a step", &s);
}

static void try_mapped_weights(remedies *r) {
    weir_plan_settings s = *r->asked;
    s.engine.activations = "f32";
    s.engine.packed = NULL;
    try_contexts(r, "weights used where the file is mapped, exact and slower",
                 "weights used where the file is mapped and a smaller context", s);
}

weir_plan_settings weir_plan_smallest(const weir_model *model, const weir_plan_settings *asked) {
    weir_plan_settings s = *asked;
    weir_plan_whole whole;
    if (weir_plan_whole_make(&whole, model, &s, NULL) != WEIR_STATUS_OK)
        return s;
    s.kv_bytes = 0;
    s.n_lookup = 0;
    s.engine.n_ctx = least_context(&whole);
    if (s.use == WEIR_PLAN_SERVE) {
        s.engine.n_seqs = 1;
        s.engine.n_batch = whole.engine.n_batch < SMALL_BATCH ? whole.engine.n_batch : SMALL_BATCH;
    }
    s.engine.kv_type = "q8";
    if (weir_plan_whole_make(&whole, model, &s, NULL) != WEIR_STATUS_OK)
        s.engine.kv_type = "f16"; /* heads that blocks of 32 do not divide */
    return s;
}

/* The program is given a little less than what is available now: that may be less then. */
static void try_streamed_experts(remedies *r) {
    weir_plan_settings s = *r->asked;
    if (s.may_stream)
        return;
    s.may_stream = true;
    s.ram_bytes -= s.ram_bytes / 32;
    try_settings(r, "experts that do not fit read from the disk, slower", &s);
}

/* The last resort: one conversation of the longest context that fits. */
static void try_everything(remedies *r) {
    weir_plan_settings s = weir_plan_smallest(r->model, r->asked);
    s.engine.n_ctx = weir_plan_longest_context(r->model, &s);
    if (s.engine.n_ctx > r->whole.engine.n_ctx)
        s.engine.n_ctx = r->whole.engine.n_ctx;
    if (s.engine.n_ctx >= r->least_ctx)
        try_settings(r, "the least of everything", &s);
}

size_t weir_plan_remedies(weir_plan_remedy out[WEIR_PLAN_REMEDIES], const weir_model *model,
                          const weir_plan_settings *settings) {
    remedies r = {.out = out, .model = model, .asked = settings};
    if (weir_plan_whole_make(&r.whole, model, settings, NULL) != WEIR_STATUS_OK)
        return 0;
    r.least_ctx = least_context(&r.whole);
    try_smaller_context(&r);
    try_smaller_kv(&r);
    try_shared_pages(&r);
    try_fewer_conversations(&r);
    try_smaller_batch(&r);
    try_mapped_weights(&r);
    try_streamed_experts(&r);
    if (r.n == 0)
        try_everything(&r);
    return r.n;
}
