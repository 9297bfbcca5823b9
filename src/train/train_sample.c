/* train_sample.c: answers of a model under training. */
#include "train/train_sample.h"

#include "base/error.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One prompt with what has been drawn behind it. */
typedef struct answer {
    int32_t *ids; /* [n], room for n_prompt + the sampler's n_tokens */
    size_t n_prompt, n;
    bool is_done;
} answer;

typedef struct job {
    const weir_train_sampler *s;
    const weir_run_prompt *prompts;
    answer *answers; /* [n] */
    size_t n;
    int32_t *tokens, *targets; /* [cap_rows] of the batch */
    weir_segment *segments;    /* [n] */
    uint32_t *out_rows;        /* [n] */
    float *logits;             /* [n, n_vocab] */
    weir_error *err;
} job;

/* ---- prompts ------------------------------------------------------------------------------- */

static weir_status encode(const job *j, answer *a, const char *text, size_t n,
                          const weir_encode_options *options) {
    const weir_tokenizer *tokenizer = j->s->tokenizer;
    WEIR_TRY(weir_tokenizer_encode(tokenizer, text, n, options, NULL, 0, &a->n_prompt, j->err));
    a->ids = malloc((a->n_prompt + j->s->n_tokens + 1) * sizeof *a->ids);
    if (!a->ids)
        return weir_fail(j->err, WEIR_STATUS_NO_MEMORY, "no memory for a sample");
    WEIR_TRY(weir_tokenizer_encode(tokenizer, text, n, options, a->ids, a->n_prompt, &a->n_prompt,
                                   j->err));
    a->n = a->n_prompt;
    return WEIR_STATUS_OK;
}

static weir_status render_prompt(const job *j, const char *text, weir_rendered *out) {
    json_t *row = json_pack("{s:[{s:s, s:s}]}", "messages", "role", "user", "content", text);
    if (!row)
        return weir_fail(j->err, WEIR_STATUS_NO_MEMORY, "no memory for a prompt");
    weir_status status = weir_chat_form_render(j->s->form, row, json_object_get(row, "messages"), 1,
                                               true, out, j->err);
    json_decref(row);
    return status;
}

static weir_status begin(const job *j, answer *a, const weir_run_prompt *prompt) {
    if (prompt->is_raw) {
        weir_tokenizer_info info;
        weir_tokenizer_get_info(j->s->tokenizer, &info);
        weir_encode_options options = {.add_special = true, .no_control = true};
        WEIR_TRY(encode(j, a, prompt->text, strlen(prompt->text), &options));
        if (info.add_eos && a->n > 0) /* what is continued has not ended */
            a->n = --a->n_prompt;
        return WEIR_STATUS_OK;
    }
    weir_rendered rendered = {0};
    weir_status status = render_prompt(j, prompt->text, &rendered);
    if (status == WEIR_STATUS_OK) {
        weir_encode_options options = {.spans = rendered.spans, .n_spans = rendered.n_spans};
        status = encode(j, a, rendered.text, rendered.n, &options);
    }
    weir_rendered_free(&rendered);
    return status;
}

/* ---- drawing ------------------------------------------------------------------------------- */

static int32_t likeliest(const float *logits, uint32_t n) {
    int32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = (int32_t)i;
    return best;
}

static int32_t draw(const weir_train_sampler *s, const float *logits, uint32_t n, size_t prompt,
                    size_t place) {
    int32_t best = likeliest(logits, n);
    if (!(s->temperature > 0))
        return best;
    double inverse = 1 / s->temperature, sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += exp(inverse * ((double)logits[i] - (double)logits[best]));
    double left = sum * weir_uniform(weir_mix64(s->seed, prompt, place));
    for (uint32_t i = 0; i < n; i++) {
        left -= exp(inverse * ((double)logits[i] - (double)logits[best]));
        if (left < 0)
            return (int32_t)i;
    }
    return best;
}

/* ---- the batch ----------------------------------------------------------------------------- */

/* Answers that go on and fit, as segments. Those that do not fit are done. */
static weir_train_batch make_batch(job *j) {
    uint32_t n_rows = 0, n = 0;
    for (size_t i = 0; i < j->n; i++) {
        answer *a = &j->answers[i];
        if (a->n > j->s->cap_rows - n_rows || a->n == 0)
            a->is_done = true;
        if (a->is_done)
            continue;
        j->segments[n] = (weir_segment){n_rows, (uint32_t)a->n};
        memcpy(j->tokens + n_rows, a->ids, a->n * sizeof *a->ids);
        n_rows += (uint32_t)a->n;
        j->out_rows[n++] = n_rows - 1;
    }
    for (uint32_t r = 0; r < n_rows; r++)
        j->targets[r] = -1;
    return (weir_train_batch){.n_rows = n_rows,
                              .tokens = j->tokens,
                              .targets = j->targets,
                              .segments = {j->segments, n, n_rows}};
}

/* The end of a turn, of a text, or what can stand in neither. */
static bool is_end(const job *j, int32_t id) {
    static const char end_of_text[] = "<|endoftext|>";
    weir_tokenizer_info info;
    weir_tokenizer_get_info(j->s->tokenizer, &info);
    return id == info.bos || id == info.pad || weir_chat_form_is_end(j->s->form, id) ||
           id == weir_tokenizer_find(j->s->tokenizer, end_of_text, sizeof end_of_text - 1);
}

/* One more token for each answer that goes on. */
static weir_status step(job *j, bool *goes_on) {
    uint32_t n_vocab = weir_graph_hparams(j->s->graph)->n_vocab;
    weir_tokenizer_info info;
    weir_tokenizer_get_info(j->s->tokenizer, &info);
    uint32_t n_known = info.n_tokens < n_vocab ? (uint32_t)info.n_tokens : n_vocab;
    weir_train_batch batch = make_batch(j);
    *goes_on = batch.segments.n > 0;
    if (!*goes_on)
        return WEIR_STATUS_OK;
    WEIR_TRY(
        weir_graph_logits(j->s->graph, &batch, j->out_rows, batch.segments.n, j->logits, j->err));
    const float *row = j->logits;
    for (size_t i = 0; i < j->n; i++) {
        answer *a = &j->answers[i];
        if (a->is_done)
            continue;
        int32_t id = draw(j->s, row, n_known, i, a->n);
        row += n_vocab;
        if (is_end(j, id))
            a->is_done = true;
        else
            a->ids[a->n++] = id;
        if (a->n == a->n_prompt + j->s->n_tokens)
            a->is_done = true;
    }
    return WEIR_STATUS_OK;
}

/* Text that may hold anything: what is no UTF-8 is replaced. */
static weir_status tell(const job *j, size_t i) {
    const answer *a = &j->answers[i];
    size_t n = 0, n_text;
    weir_utf8_gate gate = {0};
    WEIR_TRY(weir_tokenizer_decode(j->s->tokenizer, a->ids + a->n_prompt, a->n - a->n_prompt, false,
                                   NULL, 0, &n, j->err));
    char *bytes = malloc(n + 1), *text = malloc(3 * n + 2 * WEIR_UTF8_GATE_ROOM + 1);
    weir_status status = WEIR_STATUS_OK;
    if (!bytes || !text)
        status = weir_fail(j->err, WEIR_STATUS_NO_MEMORY, "no memory for a sample");
    if (status == WEIR_STATUS_OK)
        status = weir_tokenizer_decode(j->s->tokenizer, a->ids + a->n_prompt, a->n - a->n_prompt,
                                       false, bytes, n, &n, j->err);
    if (status == WEIR_STATUS_OK) {
        n_text = weir_utf8_push(&gate, bytes, n, text);
        n_text += weir_utf8_finish(&gate, text + n_text);
        text[n_text] = 0;
        j->s->on_text(j->s->context, j->prompts[i].text, text);
    }
    free(bytes);
    free(text);
    return status;
}

static weir_status run(job *j) {
    bool goes_on = true;
    for (size_t i = 0; i < j->n; i++)
        WEIR_TRY(begin(j, &j->answers[i], &j->prompts[i]));
    while (goes_on)
        WEIR_TRY(step(j, &goes_on));
    for (size_t i = 0; i < j->n; i++)
        WEIR_TRY(tell(j, i));
    return WEIR_STATUS_OK;
}

weir_status weir_train_sample(const weir_train_sampler *s, const weir_run_prompt *prompts,
                              size_t n_prompts, weir_error *err) {
    size_t n_vocab = weir_graph_hparams(s->graph)->n_vocab;
    job j = {
        .s = s,
        .prompts = prompts,
        .n = n_prompts,
        .answers = calloc(n_prompts + 1, sizeof *j.answers),
        .tokens = malloc(s->cap_rows * sizeof *j.tokens),
        .targets = malloc(s->cap_rows * sizeof *j.targets),
        .segments = malloc((n_prompts + 1) * sizeof *j.segments),
        .out_rows = malloc((n_prompts + 1) * sizeof *j.out_rows),
        .logits = malloc((n_prompts + 1) * n_vocab * sizeof *j.logits),
        .err = err,
    };
    weir_status status;
    if (!j.answers || !j.tokens || !j.targets || !j.segments || !j.out_rows || !j.logits)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for samples");
    else
        status = run(&j);
    for (size_t i = 0; j.answers && i < n_prompts; i++)
        free(j.answers[i].ids);
    free(j.answers);
    free(j.tokens);
    free(j.targets);
    free(j.segments);
    free(j.out_rows);
    free(j.logits);
    return status;
}
