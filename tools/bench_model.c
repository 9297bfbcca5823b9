/* bench_model.c: see bench_model.h. Tensors are told apart by their names, those of GGUF and those
 * of Hugging Face folders. */
#include "bench_model.h"

#include "base/compiler.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

static bool is_among(const char *name, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}

static void add_tensor(weir_bench_model *m, const weir_tensor_info *t) {
    static const char *const embeddings[] = {"token_embd.weight", "model.embed_tokens.weight",
                                             "embed_tokens.weight"};
    static const char *const heads[] = {"output.weight", "lm_head.weight"};
    double values = 1;
    for (uint32_t i = 0; i < t->n_dims; i++)
        values *= (double)t->shape[i];
    bool is_embedding = is_among(t->name, embeddings, WEIR_COUNT(embeddings));
    if (t->n_dims < 2)
        return; /* norms and biases: the limit must not ask too much */
    bool is_head = is_among(t->name, heads, WEIR_COUNT(heads));
    if (is_head && m->info.is_tied)
        return; /* the embedding is the head, whatever else a file holds */
    if (is_head || (is_embedding && m->info.is_tied)) {
        m->head_bytes += (double)t->bytes;
        m->head_macs += values;
    } else if (strstr(t->name, "_exps.") || strstr(t->name, ".experts.")) {
        m->expert_bytes += (double)t->bytes;
        m->expert_macs += values;
    } else if (!is_embedding) {
        m->dense_bytes += (double)t->bytes;
        m->dense_macs += values;
    }
}

weir_status weir_bench_model_read(weir_bench_model *out, const weir_model *model,
                                  const char *kv_type, weir_error *err) {
    *out = (weir_bench_model){0};
    weir_model_get_info(model, &out->info);
    for (size_t i = 0; i < weir_model_n_tensors(model); i++) {
        weir_tensor_info tensor;
        weir_model_tensor(model, i, &tensor);
        add_tensor(out, &tensor);
    }
    /* The plan knows the pages. */
    enum { PAGES = 16, PAGE_TOKENS = 64 };
    weir_plan plan;
    const weir_engine_options options = {.kv_type = kv_type, .n_pages = PAGES};
    WEIR_TRY(weir_plan_make(&plan, model, &options, err));
    for (size_t i = 0; i < plan.n_items; i++)
        if (strcmp(plan.item[i].what, "K/V pages") == 0)
            out->kv_token_bytes = (double)plan.item[i].bytes / PAGES / PAGE_TOKENS;
    out->key_macs =
        2.0 * out->info.n_heads * out->info.head_dim * out->info.n_layers_attn; /* K, then V */
    return WEIR_STATUS_OK;
}

double weir_bench_experts_met(const weir_bench_model *m, double n_rows) {
    double n = m->info.n_experts, used = m->info.n_experts_used;
    return n > 0 ? n * (1 - pow(1 - used / n, n_rows)) : 0;
}

static double expert_bytes_of(const weir_bench_model *m, double n_rows) {
    return m->info.n_experts > 0
               ? m->expert_bytes * weir_bench_experts_met(m, n_rows) / m->info.n_experts
               : 0;
}

static double row_macs(const weir_bench_model *m) {
    double part = m->info.n_experts > 0 ? (double)m->info.n_experts_used / m->info.n_experts : 0;
    return m->dense_macs + m->expert_macs * part;
}

weir_bench_need weir_bench_decode_need(const weir_bench_model *m, double depth, double n_own,
                                       uint32_t batch) {
    weir_bench_need need = {.kv_bytes = m->kv_token_bytes * (depth + n_own * batch)};
    need.read_bytes = m->dense_bytes + m->head_bytes + expert_bytes_of(m, batch) + need.kv_bytes;
    need.macs = batch * (row_macs(m) + m->head_macs + m->key_macs * (depth + n_own));
    return need;
}

weir_bench_need weir_bench_prefill_need(const weir_bench_model *m, uint32_t n_tokens,
                                        uint32_t n_step) {
    weir_bench_need need = {.read_bytes = m->head_bytes, .macs = m->head_macs};
    for (uint32_t done = 0; done < n_tokens;) {
        uint32_t n = n_tokens - done < n_step ? n_tokens - done : n_step;
        done += n;
        need.kv_bytes += m->kv_token_bytes * done;
        need.read_bytes += m->dense_bytes + expert_bytes_of(m, n);
    }
    need.read_bytes += need.kv_bytes;
    /* Row i looks at i + 1 tokens. */
    need.macs += n_tokens * (row_macs(m) + m->key_macs * (n_tokens + 1.0) / 2);
    return need;
}
