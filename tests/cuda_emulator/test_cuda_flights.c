/*
 * test_cuda_flights.c: steps that are begun before their tokens are known change no token, no
 * probability, no logit, no state and no page of any timeline: against the same engine on a device
 * without such steps, over every kind of sampling, over random lives of timelines, and where the
 * device, the caller or the memory has other plans.
 *
 * What the emulated device brings down is poison until it was waited for, and what a batch points
 * to is scribbled over when its step has begun (watched_steps.h).
 */
#include "cuda_memory_emulated.h"
#include "draw_settings.h"
#include "engine_fixture.h"
#include "watched_steps.h"

#include "base/compiler.h"
#include "cuda/cuda_backend.h"
#include "engine/engine.h"
#include "train/lora_kit.h"

#include <xxhash.h>

enum { MOST_VOCAB = 6000, N_LINES = 4, N_MOST = 128 };

/* ---- engines and lines ---------------------------------------------------------------------- */

static const weir_engine_options usual = {
    .device = "cuda", .n_ctx = N_MOST, .n_seqs = N_LINES, .n_batch = 96};

static weir_engine *open_cuda(weir_model *model, weir_engine_options o, bool flies) {
    weir_engine *engine = open_engine(model, o);
    if (flies)
        watch_steps(engine->backend);
    else
        engine->backend->step_begin = NULL;
    return engine;
}

/* A timeline with what draws its tokens. */
typedef struct line {
    weir_seq *seq;
    weir_sampler *sampler;
    uint32_t n_prompt, n_top, kind;
} line;

/* So flat that of a large vocabulary most tokens are no likelier than others. */
static const weir_sampling flat = {.temperature = 300, .top_p = 1, .repetition_penalty = 1.1f};
enum { FLAT = WEIR_COUNT(settings) };

static void open_sampler(line *l, const weir_model *model, uint32_t kind) {
    weir_sampling sampling = kind == FLAT ? flat : settings[kind];
    sampling.seed = 1000 + kind;
    l->kind = kind;
    REQUIRE_OK(weir_sampler_open(&l->sampler, model, &sampling, &test_err));
}

static void open_line(line *l, weir_engine *engine, uint32_t kind, const int32_t *prompt,
                      uint32_t n_prompt) {
    *l = (line){.n_prompt = n_prompt};
    REQUIRE_OK(weir_seq_open(&l->seq, engine, &test_err));
    REQUIRE_OK(weir_seq_append(l->seq, prompt, n_prompt, &test_err));
    open_sampler(l, weir_engine_model(engine), kind);
}

static void close_line(line *l) {
    weir_seq_close(&l->seq);
    weir_sampler_close(&l->sampler);
}

static void plan(line *l, bool runs_ahead) {
    weir_draw_options o = {.n_prompt = l->n_prompt,
                           .wants_logprob = l->n_top > 0,
                           .n_top = l->n_top,
                           .runs_ahead = runs_ahead};
    REQUIRE_OK(weir_seq_plan_draw(l->seq, l->sampler, &o, &test_err));
}

/* What is behind the last token, drawn by whom ever. */
static int32_t token_of(const line *l) {
    const weir_drawn *drawn = weir_seq_drawn(l->seq);
    int32_t token;
    if (drawn)
        return drawn->token;
    REQUIRE_OK(weir_sampler_draw(l->sampler, weir_seq_logits(l->seq), weir_seq_tokens(l->seq),
                                 weir_seq_n_tokens(l->seq), l->n_prompt, NULL, &token, &test_err));
    return token;
}

static void append(line *l, int32_t token) {
    REQUIRE_OK(weir_seq_append(l->seq, &token, 1, &test_err));
}

static weir_status step(weir_engine *engine, line *lines, size_t n) {
    weir_chunk chunks[N_LINES];
    for (size_t i = 0; i < n; i++)
        chunks[i] = (weir_chunk){.seq = lines[i].seq};
    return weir_engine_step(engine, chunks, n, &test_err);
}

/* ---- what is noted of a life, and compared -------------------------------------------------- */

typedef struct notes {
    uint64_t *value;
    size_t n, cap;
} notes;

static void note(notes *to, uint64_t value) {
    if (to->n == to->cap) {
        to->cap = to->cap ? 2 * to->cap : 1024;
        to->value = realloc(to->value, to->cap * sizeof *to->value);
        assert_non_null(to->value);
    }
    to->value[to->n++] = value;
}

static void note_bytes(notes *to, const void *bytes, size_t n) {
    note(to, XXH3_64bits(bytes, n));
}

static void note_drawn(notes *to, const line *l) {
    const weir_drawn *d = weir_seq_drawn(l->seq);
    const float *logits = weir_seq_logits(l->seq);
    note(to, (uint64_t)(d != NULL) | (uint64_t)(logits != NULL) << 1);
    if (logits)
        note_bytes(to, logits, vocab_of(weir_engine_model(l->seq->engine)) * sizeof *logits);
    if (d && l->n_top > 0) {
        note_bytes(to, &d->logprob, sizeof d->logprob);
        note(to, d->rank);
        note_bytes(to, d->top, l->n_top * sizeof d->top[0]);
    }
}

/* Tokens, K/V, conv state and logits. */
static void note_file(notes *to, const weir_seq *seq) {
    static uint8_t bytes[1 << 21];
    char path[] = "flight-state-XXXXXX";
    close(mkstemp(path));
    REQUIRE_OK(weir_seq_save(seq, path, &test_err));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    assert_true(n > 0 && n < sizeof bytes);
    fclose(f);
    unlink(path);
    note_bytes(to, bytes, n);
}

static void require_same(notes *a, notes *b) {
    for (size_t i = 0; i < a->n && i < b->n; i++)
        if (a->value[i] != b->value[i])
            fail_msg("note %zu of %zu: %llx, expected %llx", i, a->n,
                     (unsigned long long)a->value[i], (unsigned long long)b->value[i]);
    assert_int_equal(a->n, b->n);
    free(a->value);
    free(b->value);
    *a = *b = (notes){0};
}

static uint32_t n_pages_held(const weir_engine *engine) {
    weir_engine_stats stats;
    weir_engine_get_stats(engine, &stats);
    return (uint32_t)(stats.n_pages_used - stats.n_pages_kept);
}

static void close_all(weir_engine **engine, line *lines, size_t n) {
    for (size_t i = 0; i < n; i++)
        close_line(&lines[i]);
    assert_int_equal(n_pages_held(*engine), 0);
    assert_int_equal((*engine)->n_flown_pages, 0);
    weir_engine_close(engine);
}

/* ---- every kind of sampling ----------------------------------------------------------------- */

enum { ANSWER = 24 };

/* Three lines with settings of their own; with prompts of 50 tokens and more over the end of a
 * page.
 */
static void answer(weir_model *model, weir_engine_options o, bool flies, uint32_t first,
                   uint32_t n_prompt, notes *to) {
    weir_engine *engine = open_cuda(model, o, flies);
    line lines[3];
    dice d = {.seed = first};
    for (uint32_t i = 0; i < 3; i++) {
        int32_t prompt[N_MOST];
        uint32_t n = n_prompt + 5 * i;
        roll_tokens(&d, vocab_of(model), prompt, n);
        open_line(&lines[i], engine, (first + i) % WEIR_COUNT(settings), prompt, n);
        lines[i].n_top = i == 1 ? 5 : 0;
        REQUIRE_OK(weir_seq_run(lines[i].seq, &test_err));
    }
    for (uint32_t t = 0; t < ANSWER; t++) {
        for (uint32_t i = 0; i < 3; i++) {
            int32_t token = token_of(&lines[i]);
            note(to, (uint64_t)token);
            note_drawn(to, &lines[i]);
            append(&lines[i], token);
            plan(&lines[i], true);
        }
        REQUIRE_OK(step(engine, lines, 3));
    }
    for (uint32_t i = 0; i < 3; i++) {
        note_file(to, lines[i].seq);
        weir_seq_drop_draw(lines[i].seq);
        REQUIRE_OK(weir_seq_run(lines[i].seq, &test_err));
        note_drawn(to, &lines[i]);
    }
    note(to, engine->stats.n_steps);
    note(to, engine->stats.n_rows);
    note(to, n_pages_held(engine));
    close_all(&engine, lines, 3);
    if (flies) { /* all but the first step was begun before */
        assert_true(watched.n_early >= ANSWER - 1);
        assert_true(watched.n_fetched >= 3 * (ANSWER - 1));
    }
}

static void answers_are_the_same(void **state) {
    (void)state;
    static const struct {
        const char *model, *activations;
        uint32_t n_prompt;
        bool is_decoded; /* by captured graphs */
    } kinds[] = {{"dense_tiny", NULL, 50, true}, {"moe_top2", "f32", 3, false}};
    for (size_t k = 0; k < WEIR_COUNT(kinds); k++) {
        weir_model *model = open_golden(kinds[k].model);
        weir_engine_options o = usual;
        o.activations = kinds[k].activations;
        emulated_reset();
        weir_engine *engine = open_engine(model, o);
        assert_int_equal(weir_cuda_of(engine->backend)->decode.is_there, kinds[k].is_decoded);
        weir_engine_close(&engine);
        for (uint32_t first = 0; first < WEIR_COUNT(settings); first += k == 0 ? 3 : 9) {
            notes got = {0}, want = {0};
            answer(model, o, true, first, kinds[k].n_prompt, &got);
            answer(model, o, false, first, kinds[k].n_prompt, &want);
            require_same(&got, &want);
        }
        weir_model_close(&model);
        assert_int_equal(emulated_get()->n_taken, 0);
    }
}

/* ---- random lives --------------------------------------------------------------------------- */

typedef struct life {
    weir_engine *engine;
    weir_model *model;
    line lines[N_LINES];
    dice d;
    notes notes;
} life;

/* Few tokens, so that beginnings are alike. */
static void open_some(life *l, line *at) {
    int32_t prompt[N_MOST];
    uint32_t n = 1 + roll(&l->d, 70);
    for (uint32_t i = 0; i < n; i++)
        prompt[i] = (int32_t)(i % 5 + (i > 40 ? roll(&l->d, 2) : 0));
    open_line(at, l->engine, roll(&l->d, WEIR_COUNT(settings)), prompt, n);
    at->n_top = roll(&l->d, 3) == 0 ? 3 : 0;
}

static void fork_some(life *l, const line *from) {
    line *to = &l->lines[roll(&l->d, N_LINES)];
    if (to == from)
        return;
    if (to->seq)
        close_line(to);
    *to = (line){.n_prompt = from->n_prompt};
    REQUIRE_OK(weir_seq_fork(&to->seq, from->seq, &test_err));
    open_sampler(to, l->model, roll(&l->d, WEIR_COUNT(settings)));
}

/* What a caller does with a timeline behind whose last token something is known. */
static void go_on(life *l, line *at) {
    int32_t token = token_of(at), tokens[3] = {4, 5, 6};
    size_t n = weir_seq_n_tokens(at->seq);
    note(&l->notes, (uint64_t)token);
    note_drawn(&l->notes, at);
    if (n > N_MOST - 8) {
        close_line(at);
        return;
    }
    switch (roll(&l->d, 40)) {
    case 0: /* another token */
        append(at, (token + 1) % 90);
        return;
    case 1: /* a turn */
        REQUIRE_OK(weir_seq_append(at->seq, tokens, 3, &test_err));
        return;
    case 2: /* back, and another way */
        REQUIRE_OK(weir_seq_rewind(at->seq, n - roll(&l->d, n < 20 ? (uint32_t)n : 20), &test_err));
        if (at->n_prompt > weir_seq_n_tokens(at->seq))
            at->n_prompt = (uint32_t)weir_seq_n_tokens(at->seq);
        if (roll(&l->d, 2)) /* the flown one, elsewhere */
            break;
        append(at, (int32_t)roll(&l->d, 90));
        return;
    case 3:
        fork_some(l, at);
        break;
    case 4:
        close_line(at);
        return;
    case 5:
        note_file(&l->notes, at->seq);
        break;
    case 6: /* its logits after all */
        weir_seq_drop_draw(at->seq);
        REQUIRE_OK(weir_seq_run(at->seq, &test_err));
        note_drawn(&l->notes, at);
        break;
    case 7: /* appended twice */
        append(at, token);
        REQUIRE_OK(weir_seq_rewind(at->seq, n, &test_err));
        break;
    case 8: /* another sampler, perhaps where the last one was */
        weir_sampler_close(&at->sampler);
        open_sampler(at, l->model, (at->kind + roll(&l->d, 2)) % WEIR_COUNT(settings));
        break;
    case 9:
        at->n_top = roll(&l->d, 6);
        break;
    case 10: /* the answer begins later */
        at->n_prompt = (uint32_t)n;
        break;
    default:
        break;
    }
    append(at, token);
}

/* Mostly as a server plans. */
static void plan_some(life *l, line *at, weir_chunk *chunk, float *rows) {
    static const uint32_t half[MOST_VOCAB / 32] = {0x55555555u, 0x55555555u, 0x55555555u};
    uint32_t how = roll(&l->d, 24), n_pending = (uint32_t)weir_seq_n_pending(at->seq);
    *chunk = (weir_chunk){.seq = at->seq, .n_tokens = roll(&l->d, 2) ? n_pending : 0};
    weir_draw_options masked = {.n_prompt = at->n_prompt,
                                .mask = half,
                                .wants_logprob = at->n_top > 0,
                                .n_top = at->n_top,
                                .runs_ahead = true};
    if (how == 0)
        weir_seq_drop_draw(at->seq);
    else if (how == 1)
        REQUIRE_OK(weir_seq_plan_draw(at->seq, at->sampler, &masked, &test_err));
    else
        plan(at, how > 2);
    if (how == 3 && n_pending < 3) {
        chunk->logits = rows;
        chunk->n_tokens = n_pending;
    }
}

static void live_on(life *l) {
    static float rows[N_LINES][3 * 512];
    weir_chunk chunks[N_LINES];
    line *in_step[N_LINES];
    size_t n = 0;
    for (uint32_t i = 0; i < N_LINES; i++) {
        line *at = &l->lines[i];
        if (!at->seq && roll(&l->d, 2))
            open_some(l, at);
        if (!at->seq || roll(&l->d, 16) == 0)
            continue;
        if (weir_seq_n_pending(at->seq) == 0)
            append(at, (int32_t)roll(&l->d, 90));
        plan_some(l, at, &chunks[n], rows[n]);
        in_step[n++] = at;
    }
    if (roll(&l->d, 32) == 0)
        weir_engine_cancel(l->engine);
    weir_status status = weir_engine_step(l->engine, chunks, n, &test_err);
    note(&l->notes, (uint64_t)status);
    note(&l->notes, n_pages_held(l->engine));
    assert_true(status == WEIR_STATUS_OK || status == WEIR_STATUS_FULL ||
                status == WEIR_STATUS_CANCELLED);
    for (size_t i = 0; i < n; i++) {
        line *at = in_step[i];
        if (status == WEIR_STATUS_FULL && roll(&l->d, 2)) {
            close_line(at);
            continue;
        }
        if (!at->seq || chunks[i].seq != at->seq)
            continue; /* it was forked over */
        if (status == WEIR_STATUS_OK && chunks[i].logits)
            note_bytes(&l->notes, chunks[i].logits,
                       chunks[i].n_tokens * vocab_of(l->model) * sizeof(float));
        if (weir_seq_logits(at->seq) || weir_seq_drawn(at->seq))
            go_on(l, at);
    }
}

static notes live(weir_model *model, weir_engine_options o, bool flies, uint64_t seed,
                  uint32_t n_rounds) {
    life l = {.model = model, .engine = open_cuda(model, o, flies), .d = {.seed = seed}};
    for (uint32_t i = 0; i < n_rounds; i++)
        live_on(&l);
    note(&l.notes, l.engine->stats.n_steps);
    note(&l.notes, l.engine->stats.n_rows);
    note(&l.notes, l.engine->stats.n_rows_replayed);
    close_all(&l.engine, l.lines, N_LINES);
    if (flies)
        assert_true(watched.n_early > n_rounds / 4);
    return l.notes;
}

static void lives_are_the_same(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny");
    emulated_reset();
    for (uint64_t seed = 1; seed <= 6; seed++) {
        weir_engine_options o = usual;
        o.no_prefix_cache = seed % 2;
        o.n_pages = seed % 2 ? 5 : 24; /* so few that steps are refused */
        notes got = live(model, o, true, seed, 120), want = live(model, o, false, seed, 120);
        require_same(&got, &want);
    }
    weir_model_close(&model);
    assert_int_equal(emulated_get()->n_taken, 0);
}

/* ---- tokens that are left to the host ------------------------------------------------------- */

/* Of a vocabulary that the device's list does not hold, so flat that most draws fall beyond it. */
static weir_model *open_wide(void) {
    char config[] = "flight-config-XXXXXX", path[] = "flight-model-XXXXXX";
    weir_model *model;
    close(mkstemp(config));
    close(mkstemp(path));
    FILE *f = fopen(config, "w");
    assert_non_null(f);
    fprintf(f, "{\"model_type\": \"lfm2\", \"vocab_size\": 5000, \"hidden_size\": 64, "
               "\"num_hidden_layers\": 2, \"num_attention_heads\": 4, "
               "\"num_key_value_heads\": 2, \"intermediate_size\": 96, \"norm_eps\": 1e-5, "
               "\"max_position_embeddings\": 256, \"conv_L_cache\": 3, "
               "\"layer_types\": [\"conv\", \"full_attention\"]}");
    fclose(f);
    weir_synth_options o = {.config = config, .type = "f16", .overwrite = true};
    REQUIRE_OK(weir_synth(path, &o, &test_err));
    REQUIRE_OK(weir_model_open(&model, path, &test_err));
    unlink(config);
    unlink(path);
    return model;
}

/* One line is drawn for by the device always, the other now and then. Returns how often not. */
static uint32_t answer_flat(weir_model *model, bool flies, notes *to) {
    const int32_t prompt[] = {1, 2, 3};
    weir_engine *engine = open_cuda(model, usual, flies);
    line lines[2];
    uint32_t n_left = 0;
    for (uint32_t i = 0; i < 2; i++) {
        open_line(&lines[i], engine, i == 0 ? 3 : FLAT, prompt, 3);
        REQUIRE_OK(weir_seq_run(lines[i].seq, &test_err));
    }
    for (uint32_t t = 0; t < 30; t++) {
        for (uint32_t i = 0; i < 2; i++) {
            int32_t token = token_of(&lines[i]);
            n_left += t > 0 && !weir_seq_drawn(lines[i].seq);
            note(to, (uint64_t)token);
            note_drawn(to, &lines[i]);
            append(&lines[i], token);
            plan(&lines[i], true);
        }
        REQUIRE_OK(step(engine, lines, 2));
    }
    note_file(to, lines[0].seq);
    note_file(to, lines[1].seq);
    close_all(&engine, lines, 2);
    return n_left;
}

static void what_is_left_to_the_host_is_drawn_there(void **state) {
    (void)state;
    weir_model *model = open_wide();
    notes got = {0}, want = {0};
    emulated_reset();
    uint32_t n_left = answer_flat(model, true, &got);
    assert_in_range(n_left, 5, 25);
    assert_true(watched.n_early >= 5);
    assert_int_equal(answer_flat(model, false, &want), n_left);
    require_same(&got, &want);
    weir_model_close(&model);
}

/* A flight that is dropped, or void, may be left to the host as well: the logits that it then
 * brings are not those that a timeline has in the meantime. */
static void logits_of_a_dropped_flight_are_nobodys(void **state) {
    (void)state;
    static float want[2][MOST_VOCAB];
    weir_model *model = open_wide();
    size_t bytes = vocab_of(model) * sizeof(float);
    const int32_t prompt[] = {1, 2, 3};
    line lines[2];
    uint32_t n_left = 0;
    emulated_reset();
    weir_engine *engine = open_cuda(model, usual, true);
    for (uint32_t i = 0; i < 2; i++) {
        open_line(&lines[i], engine, i == 0 ? FLAT : 3, prompt, 3);
        REQUIRE_OK(weir_seq_run(lines[i].seq, &test_err));
    }
    memcpy(want[0], weir_seq_logits(lines[0].seq), bytes);
    for (int32_t t = 0; t < 12; t++) {
        append(&lines[0], t);
        append(&lines[1], token_of(&lines[1]));
        plan(&lines[0], true);
        plan(&lines[1], true);
        REQUIRE_OK(step(engine, lines, 2));
        bool is_left = weir_seq_logits(lines[0].seq) != NULL;
        n_left += is_left;
        if (is_left)
            memcpy(want[1], weir_seq_logits(lines[0].seq), bytes);
        else /* there again, from the end of the prompt */
            REQUIRE_OK(weir_seq_rewind(lines[0].seq, 3, &test_err));
        append(&lines[1], token_of(&lines[1]));
        plan(&lines[1], true);
        REQUIRE_OK(step(engine, &lines[1], 1)); /* waits for the flight of both */
        assert_memory_equal(weir_seq_logits(lines[0].seq), want[is_left], bytes);
        REQUIRE_OK(weir_seq_rewind(lines[0].seq, 3, &test_err));
    }
    assert_in_range(n_left, 2, 10);
    close_all(&engine, lines, 2);
    weir_model_close(&model);
}

/* ---- adapters ------------------------------------------------------------------------------- */

/* Each line with scales of its own, and one without. */
static void answer_adapted(weir_model *model, weir_lora *lora, bool flies, notes *to) {
    static const float scales[3] = {1, 0, -0.5f};
    const int32_t prompt[] = {1, 2, 3};
    weir_engine_options o = usual;
    o.loras = &lora;
    o.n_loras = 1;
    weir_engine *engine = open_cuda(model, o, flies);
    line lines[3];
    for (uint32_t i = 0; i < 3; i++) {
        lines[i] = (line){.n_prompt = 3};
        REQUIRE_OK(weir_seq_open(&lines[i].seq, engine, &test_err));
        REQUIRE_OK(weir_seq_set_loras(lines[i].seq, &scales[i], &test_err));
        REQUIRE_OK(weir_seq_append(lines[i].seq, prompt, 3, &test_err));
        open_sampler(&lines[i], model, i);
        REQUIRE_OK(weir_seq_run(lines[i].seq, &test_err));
    }
    for (uint32_t t = 0; t < 8; t++) {
        for (uint32_t i = 0; i < 3; i++) {
            int32_t token = token_of(&lines[i]);
            note(to, (uint64_t)token);
            append(&lines[i], token);
            plan(&lines[i], true);
        }
        REQUIRE_OK(step(engine, lines, 3));
    }
    for (uint32_t i = 0; i < 3; i++)
        note_file(to, lines[i].seq);
    close_all(&engine, lines, 3);
    assert_true(!flies || watched.n_early >= 7);
}

static void each_flight_has_its_adapters(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny");
    char path[] = "flight-adapter-XXXXXX.gguf";
    weir_lora *lora;
    notes got = {0}, want = {0};
    emulated_reset();
    close(mkstemps(path, 5));
    kit_adapter_write(model, &(kit_adapter){.rank = 4, .alpha = 8, .b = 0.3, .seed = 3}, path);
    REQUIRE_OK(weir_lora_open(&lora, model, path, &test_err));
    unlink(path);
    answer_adapted(model, lora, true, &got);
    answer_adapted(model, lora, false, &want);
    require_same(&got, &want);
    weir_lora_close(&lora);
    weir_model_close(&model);
}

/* ---- the caller has other plans ------------------------------------------------------------- */

static void open_two(weir_engine *engine, line *lines) {
    const int32_t prompt[] = {1, 2, 3};
    for (uint32_t i = 0; i < 2; i++) {
        open_line(&lines[i], engine, 2 + i, prompt, 2 + i);
        REQUIRE_OK(weir_seq_run(lines[i].seq, &test_err));
    }
}

static void append_drawn(line *lines) {
    for (uint32_t i = 0; i < 2; i++) {
        append(&lines[i], token_of(&lines[i]));
        plan(&lines[i], true);
    }
}

static void a_cancelled_step_moves_nothing(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny");
    emulated_reset();
    weir_engine *engine = open_cuda(model, usual, true);
    line lines[2];
    open_two(engine, lines);
    append_drawn(lines);
    REQUIRE_OK(step(engine, lines, 2));
    assert_true(lines[0].seq->is_flown && lines[1].seq->is_flown && engine->flight.is_open);
    append_drawn(lines);
    weir_engine_cancel(engine);
    assert_int_equal(step(engine, lines, 2), WEIR_STATUS_CANCELLED);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(weir_seq_n_pending(lines[i].seq), 1);
        assert_false(lines[i].seq->is_flown);
    }
    REQUIRE_OK(step(engine, lines, 2)); /* is not meant by it */
    assert_true(weir_seq_drawn(lines[0].seq) && weir_seq_drawn(lines[1].seq));
    close_all(&engine, lines, 2);
    weir_model_close(&model);
}

static void take_nothing(void *context, const char *what, uint32_t layer, const void *data,
                         uint32_t n_rows, uint32_t width) {
    (void)what, (void)layer, (void)data, (void)width;
    *(uint32_t *)context += n_rows;
}

/* Without leave, behind a mask, over the end of the context, and before somebody who looks at rows
 * and is to see all of them. */
static void nothing_flies_where_it_may_not(void **state) {
    (void)state;
    static const uint32_t all[MOST_VOCAB / 32] = {~0u, ~0u, ~0u};
    weir_model *model = open_golden("dense_tiny");
    weir_engine_options o = usual;
    o.n_ctx = 64;
    emulated_reset();
    weir_engine *engine = open_cuda(model, o, true);
    line lines[2];
    uint32_t n_seen = 0;
    open_two(engine, lines);
    append_drawn(lines);
    plan(&lines[1], false);
    REQUIRE_OK(step(engine, lines, 2));
    assert_false(engine->flight.is_open);
    append_drawn(lines);
    weir_draw_options masked = {.mask = all, .runs_ahead = true};
    REQUIRE_OK(weir_seq_plan_draw(lines[0].seq, lines[0].sampler, &masked, &test_err));
    REQUIRE_OK(step(engine, lines, 2));
    assert_false(engine->flight.is_open);

    append_drawn(lines);
    REQUIRE_OK(step(engine, lines, 2));
    assert_true(engine->flight.is_open);
    while (weir_seq_n_tokens(lines[1].seq) < 64) {
        append(&lines[1], token_of(&lines[1]));
        plan(&lines[1], true);
        REQUIRE_OK(step(engine, &lines[1], 1));
        assert_int_equal(engine->flight.is_open, weir_seq_n_tokens(lines[1].seq) < 64);
    }
    REQUIRE_OK(weir_seq_rewind(lines[1].seq, 3, &test_err));
    plan(&lines[1], false);
    REQUIRE_OK(weir_seq_run(lines[1].seq, &test_err));
    append_drawn(lines);
    REQUIRE_OK(step(engine, lines, 2));
    assert_true(engine->flight.is_open);
    append_drawn(lines);
    weir_engine_observe(engine, &(weir_observer){.take = take_nothing, .context = &n_seen});
    REQUIRE_OK(step(engine, lines, 2));
    assert_true(n_seen > 0);
    assert_false(lines[0].seq->is_flown || engine->flight.is_open);
    close_all(&engine, lines, 2);
    weir_model_close(&model);
}

/* Whoever is closed first. */
static void an_engine_is_closed_with_a_flight_on_its_way(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny");
    for (int is_engine_first = 0; is_engine_first < 2; is_engine_first++) {
        emulated_reset();
        weir_engine *engine = open_cuda(model, usual, true);
        line lines[2];
        open_two(engine, lines);
        append_drawn(lines);
        REQUIRE_OK(step(engine, lines, 2));
        assert_true(engine->flight.is_open);
        if (is_engine_first)
            weir_engine_close(&engine);
        close_line(&lines[0]);
        close_line(&lines[1]);
        weir_engine_close(&engine);
        assert_int_equal(emulated_get()->n_taken, 0);
    }
    weir_model_close(&model);
}

/* What has run before takes as much of a step as what has not. */
static void a_step_has_no_more_room(void **state) {
    (void)state;
    static float rows[2 * 128];
    weir_model *model = open_golden("dense_tiny");
    weir_engine_options o = usual;
    o.n_out = 2;
    const int32_t more[] = {1, 2};
    line lines[2];
    emulated_reset();
    weir_engine *engine = open_cuda(model, o, true);
    open_two(engine, lines);
    append_drawn(lines);
    REQUIRE_OK(step(engine, lines, 2));
    append(&lines[0], token_of(&lines[0]));
    plan(&lines[0], true);
    REQUIRE_OK(weir_seq_append(lines[1].seq, more, 2, &test_err));
    weir_chunk chunks[2] = {{.seq = lines[0].seq},
                            {.seq = lines[1].seq, .n_tokens = 2, .logits = rows}};
    assert_int_equal(weir_engine_step(engine, chunks, 2, &test_err), WEIR_STATUS_FULL);
    close_all(&engine, lines, 2);
    weir_model_close(&model);
}

/* Behind 64 tokens. */
static void fly_over_page(weir_engine *engine, line *l) {
    REQUIRE_OK(weir_seq_rewind(l->seq, 63, &test_err));
    append(l, 1);
    plan(l, true);
    REQUIRE_OK(step(engine, l, 1));
    assert_int_equal(engine->n_flown_pages, 1);
}

/* A flight's page is nobody's loss: who needs one gets it. */
static void flights_give_their_pages_back(void **state) {
    (void)state;
    weir_model *model = open_golden("dense_tiny");
    weir_engine_options o = usual;
    o.n_pages = 2;
    o.no_prefix_cache = true;
    emulated_reset();
    weir_engine *engine = open_cuda(model, o, true);
    int32_t prompt[63] = {0};
    line first, other;
    open_line(&first, engine, 0, prompt, 63);
    REQUIRE_OK(weir_seq_run(first.seq, &test_err));
    append(&first, token_of(&first));
    plan(&first, true);
    REQUIRE_OK(step(engine, &first, 1));
    assert_int_equal(engine->n_flown_pages, 1);
    assert_int_equal(engine->pages.n_free, 0);
    assert_int_equal(n_pages_held(engine), 1); /* it does not count */
    open_line(&other, engine, 0, prompt, 5);
    REQUIRE_OK(weir_seq_run(other.seq, &test_err));
    assert_false(first.seq->is_flown);
    assert_int_equal(n_pages_held(engine), 2);
    /* where there is none left, nothing flies, and nothing more runs */
    append(&first, token_of(&first));
    assert_int_equal(step(engine, &first, 1), WEIR_STATUS_FULL);
    close_line(&other);
    /* one that the same step takes over does not give way */
    fly_over_page(engine, &first);
    append(&first, token_of(&first));
    plan(&first, true);
    open_line(&other, engine, 0, prompt, 5);
    weir_chunk chunks[2] = {{.seq = first.seq}, {.seq = other.seq, .n_tokens = 5}};
    assert_int_equal(weir_engine_step(engine, chunks, 2, &test_err), WEIR_STATUS_FULL);
    assert_int_equal(weir_seq_n_pending(first.seq), 1);
    /* whoever takes what there is gets nothing, and the other goes on */
    fly_over_page(engine, &first);
    append(&first, token_of(&first));
    plan(&first, true);
    chunks[1].n_tokens = 0;
    REQUIRE_OK(weir_engine_step(engine, chunks, 2, &test_err));
    assert_int_equal(weir_seq_n_pending(first.seq), 0);
    assert_int_equal(chunks[1].n_tokens, 0);
    close_line(&other);
    /* with the timeline it goes */
    fly_over_page(engine, &first);
    close_all(&engine, &first, 1);
    weir_model_close(&model);
}

/* ---- a device that fails -------------------------------------------------------------------- */

/* Three steps that fly, of which call number fail_at of a kind fails; 0: none. Returns the calls.
 * The steps before have given what they give, the one that fails has moved nothing. */
static uint64_t fail_once(weir_model *model, emulated_call call, uint64_t fail_at,
                          const notes *want, notes *to) {
    emulated_machine *machine = emulated_get();
    emulated_reset();
    weir_engine *engine = open_cuda(model, usual, true);
    line lines[2];
    open_two(engine, lines);
    uint64_t before = machine->n_calls[call];
    machine->fail_at[call] = fail_at > 0 ? before + fail_at : 0;
    machine->fail_code[call] = 719;
    weir_status status = WEIR_STATUS_OK;
    for (uint32_t t = 0; t < 3 && status == WEIR_STATUS_OK; t++) {
        append_drawn(lines);
        size_t n = weir_seq_n_tokens(lines[0].seq);
        status = step(engine, lines, 2);
        for (uint32_t i = 0; i < 2; i++) {
            assert_int_equal(weir_seq_n_pending(lines[i].seq), status != WEIR_STATUS_OK);
            assert_int_equal(weir_seq_drawn(lines[i].seq) != NULL, status == WEIR_STATUS_OK);
            if (status == WEIR_STATUS_OK)
                note(to, (uint64_t)token_of(&lines[i]));
            assert_true(status == WEIR_STATUS_OK || !lines[i].seq->is_flown);
        }
        assert_int_equal(weir_seq_n_tokens(lines[0].seq), n);
    }
    uint64_t n_calls = machine->n_calls[call] - before;
    if (fail_at > 0) {
        assert_int_equal(status, WEIR_STATUS_FAILED);
        assert_non_null(weir_engine_failure(engine));
        assert_int_equal(step(engine, lines, 2), WEIR_STATUS_FAILED);
        assert_true(to->n <= want->n && memcmp(to->value, want->value, to->n * 8) == 0);
    }
    close_all(&engine, lines, 2);
    assert_int_equal(machine->n_taken, 0);
    return n_calls;
}

/* At the beginning of a step, of a flight, and while they are waited for; what fails last is the
 * flight that nobody waits for. */
static void a_lost_device_has_flown_nothing(void **state) {
    (void)state;
    static const emulated_call calls[] = {EMULATED_COPY, EMULATED_LAUNCH, EMULATED_WAIT};
    weir_model *model = open_golden("dense_tiny");
    for (size_t k = 0; k < WEIR_COUNT(calls); k++) {
        notes want = {0};
        uint64_t n = fail_once(model, calls[k], 0, NULL, &want);
#ifndef WEIR_CUDA_EMULATED
        if (n == 0) { /* a device, whose calls nobody counts and nobody makes fail */
            free(want.value);
            weir_model_close(&model);
            skip();
        }
#endif
        assert_true(n >= 3);
        for (uint64_t at = 1; at <= n; at++) {
            notes got = {0};
            note(&got, 0); /* so that there is something */
            got.n = 0;
            fail_once(model, calls[k], at, &want, &got);
            free(got.value);
        }
        free(want.value);
    }
    weir_model_close(&model);
}

/* Not even what a flight brought before the device was lost. */
static void nothing_lands_on_a_lost_device(void **state) {
    (void)state;
#ifndef WEIR_CUDA_EMULATED
    skip();
#endif
    weir_model *model = open_golden("dense_tiny");
    emulated_machine *machine = emulated_get();
    emulated_reset();
    weir_engine *engine = open_cuda(model, usual, true);
    line lines[2];
    open_two(engine, lines);
    append_drawn(lines);
    REQUIRE_OK(step(engine, lines, 2));
    append_drawn(lines);
    plan(&lines[0], false);
    plan(&lines[1], false);
    REQUIRE_OK(step(engine, &lines[1], 1)); /* waits for the flight of both */
    assert_true(lines[0].seq->is_flown && !engine->flight.is_open);
    append(&lines[1], token_of(&lines[1]));
    machine->fail_at[EMULATED_WAIT] = machine->n_calls[EMULATED_WAIT] + 1;
    machine->fail_code[EMULATED_WAIT] = 719;
    assert_int_equal(step(engine, &lines[1], 1), WEIR_STATUS_FAILED);
    assert_int_equal(step(engine, &lines[0], 1), WEIR_STATUS_FAILED);
    assert_int_equal(weir_seq_n_pending(lines[0].seq), 1);
    close_all(&engine, lines, 2);
    weir_model_close(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_the_same),
        cmocka_unit_test(lives_are_the_same),
        cmocka_unit_test(what_is_left_to_the_host_is_drawn_there),
        cmocka_unit_test(logits_of_a_dropped_flight_are_nobodys),
        cmocka_unit_test(each_flight_has_its_adapters),
        cmocka_unit_test(a_cancelled_step_moves_nothing),
        cmocka_unit_test(nothing_flies_where_it_may_not),
        cmocka_unit_test(an_engine_is_closed_with_a_flight_on_its_way),
        cmocka_unit_test(a_step_has_no_more_room),
        cmocka_unit_test(flights_give_their_pages_back),
        cmocka_unit_test(a_lost_device_has_flown_nothing),
        cmocka_unit_test(nothing_lands_on_a_lost_device),
    };
    return cmocka_run_group_tests_name("cuda flights", tests, NULL, NULL);
}
