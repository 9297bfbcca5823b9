/*
 * quantize_plan.c: see quantize_plan.h. Owns the order of those who decide: what is no matrix is
 * F32; then the last rule that matches; then the mix.
 *
 * Invariant: after weir_quantize_plan_make every item has a format whose blocks divide its rows.
 */
#include "convert/quantize_plan.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "convert/hparams_meta.h"

/* ---- what was asked for -------------------------------------------------------------------- */

weir_status weir_quantize_rule_parse(weir_quantize_rule *out, const char *text, weir_error *err) {
    const char *equals = strrchr(text, '=');
    *out = (weir_quantize_rule){0};
    if (equals == NULL || equals == text || equals[1] == '\0')
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "rule '%.80s': expected GLOB=format, such as blk.*.ffn_down_exps=q6_k",
                         text);
    if (weir_format_parse(&out->format, equals + 1, err) != WEIR_STATUS_OK)
        return weir_fail_within(err, WEIR_STATUS_BAD_ARGUMENT, "rule '%.80s'", text);
    out->glob = strndup(text, (size_t)(equals - text));
    if (out->glob == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "rule '%.80s': no memory for it", text);
    return WEIR_STATUS_OK;
}

bool weir_quantize_rule_matches(const weir_quantize_rule *rule, const char *name) {
    static const char ending[] = ".weight";
    size_t n = strlen(name), n_ending = sizeof ending - 1;
    char stem[WEIR_GGUF_NAME + 1];
    if (fnmatch(rule->glob, name, 0) == 0)
        return true;
    if (n <= n_ending || n >= sizeof stem || strcmp(name + n - n_ending, ending) != 0)
        return false;
    snprintf(stem, sizeof stem, "%.*s", (int)(n - n_ending), name);
    return fnmatch(rule->glob, stem, 0) == 0;
}

static weir_status find_mix(weir_quantize_plan *plan, weir_error *err) {
    const weir_quantize_options *o = plan->options;
    if ((o->type != NULL) == (o->target_bytes > 0))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "expected a type or a size to be met, and not both");
    if (o->type == NULL)
        return WEIR_STATUS_OK;
    plan->mix = weir_mix_by_name(o->type);
    return plan->mix != NULL ? WEIR_STATUS_OK : weir_unknown_type(o->type, weir_mix_names(), err);
}

weir_status weir_quantize_plan_begin(weir_quantize_plan *out, const weir_quantize_options *options,
                                     weir_error *err) {
    *out = (weir_quantize_plan){.options = options};
    WEIR_TRY(find_mix(out, err));
    out->rules = calloc(options->n_rules + 1, sizeof *out->rules);
    if (out->rules == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for %zu rules", options->n_rules);
    for (; out->n_rules < options->n_rules; out->n_rules++)
        WEIR_TRY(
            weir_quantize_rule_parse(&out->rules[out->n_rules], options->rules[out->n_rules], err));
    return WEIR_STATUS_OK;
}

void weir_quantize_plan_close(weir_quantize_plan *plan) {
    for (size_t i = 0; i < plan->n_rules; i++)
        free(plan->rules[i].glob);
    free(plan->rules);
    free(plan->items);
    *plan = (weir_quantize_plan){0};
}

/* ---- decisions ----------------------------------------------------------------------------- */

static void set(weir_quantize_item *it, const weir_format *format) {
    it->to = weir_mix_fit(format, it->from->n_cols);
    it->is_substituted = it->to != format;
    it->row_bytes = weir_format_row_bytes(it->to, it->from->n_cols);
}

void weir_quantize_plan_set(weir_quantize_plan *plan, size_t i, const weir_format *format) {
    set(&plan->items[i], format);
}

/* The format that the last matching rule gives; NULL: none matches. */
static const weir_format *apply_rules(weir_quantize_plan *plan, const weir_source_tensor *t) {
    const weir_format *format = NULL;
    for (size_t i = 0; i < plan->n_rules; i++) {
        weir_quantize_rule *rule = &plan->rules[i];
        if (!weir_quantize_rule_matches(rule, t->name))
            continue;
        rule->has_matched = true;
        rule->has_matched_matrix |= t->is_matrix;
        format = rule->format;
    }
    return format;
}

static void decide(weir_quantize_plan *plan, weir_quantize_item *it) {
    const weir_source_tensor *t = it->from;
    const weir_format *ruled = apply_rules(plan, t);
    weir_part part;
    uint32_t layer;
    if (!t->is_matrix) {
        set(it, weir_format_by_id(WEIR_FORMAT_F32));
        return;
    }
    it->is_ruled = ruled != NULL;
    if (ruled != NULL || plan->mix == NULL || !weir_mix_part(t->name, &part, &layer)) {
        set(it, ruled != NULL ? ruled : t->format);
        return;
    }
    const weir_hparams *h = &weir_source_model(plan->source)->h;
    bool has_importance = plan->importance->imatrix != NULL;
    const weir_format *meant = weir_mix_wants(plan->mix, h, has_importance, part, layer);
    set(it, weir_mix_format(plan->mix, h, has_importance, part, layer, t->n_cols));
    it->is_substituted = it->to != meant;
}

static weir_status check_rules(const weir_quantize_plan *plan, weir_error *err) {
    for (size_t i = 0; i < plan->n_rules; i++) {
        const weir_quantize_rule *rule = &plan->rules[i];
        if (!rule->has_matched)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "rule '%.80s': no tensor of %s has such a name",
                             plan->options->rules[i], weir_source_path(plan->source));
        if (!rule->has_matched_matrix && rule->format->id != WEIR_FORMAT_F32)
            return weir_fail(
                err, WEIR_STATUS_BAD_ARGUMENT,
                "rule '%.80s': names only tensors that always stay f32 (norms, router, "
                "biases, convolution taps)",
                plan->options->rules[i]);
    }
    return WEIR_STATUS_OK;
}

weir_status weir_quantize_plan_make(weir_quantize_plan *plan, const weir_source *source,
                                    const weir_importance *importance, weir_error *err) {
    size_t n;
    const weir_source_tensor *tensors = weir_source_tensors(source, &n);
    plan->source = source;
    plan->importance = importance;
    plan->items = calloc(n + 1, sizeof *plan->items);
    if (plan->items == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of tensors");
    plan->n_items = n;
    for (size_t i = 0; i < n; i++) {
        weir_quantize_item *it = &plan->items[i];
        it->from = &tensors[i];
        decide(plan, it);
        WEIR_TRY(
            weir_importance_look(importance, it->from, &it->has_importance, &it->n_unseen, err));
    }
    return check_rules(plan, err);
}

/* Values that were rounded to a few bits once lose much more the second time than the numbers of
 * either format say. */
static bool is_loss_upon_loss(const weir_quantize_item *it) {
    const weir_source_tensor *t = it->from;
    bool was_quantized = t->format->block_values > 1 || t->is_foreign;
    return was_quantized && it->to != t->format && it->to->id != WEIR_FORMAT_F32;
}

/* The format that most bytes of the matrices have. */
static const weir_format *most_used(const weir_quantize_plan *plan) {
    uint64_t bytes[WEIR_FORMAT_LIMIT] = {0};
    const weir_format *most = weir_format_by_id(WEIR_FORMAT_F32);
    for (size_t i = 0; i < plan->n_items; i++) {
        const weir_quantize_item *it = &plan->items[i];
        if (!it->from->is_matrix)
            continue;
        bytes[it->to->id] += it->from->n_rows * it->row_bytes;
        if (bytes[it->to->id] > bytes[most->id])
            most = it->to;
    }
    return most;
}

weir_status weir_quantize_plan_end(weir_quantize_plan *plan, weir_error *err) {
    for (size_t i = 0; i < plan->n_items && !plan->options->allow_requantize; i++) {
        const weir_quantize_item *it = &plan->items[i];
        if (is_loss_upon_loss(it))
            return weir_fail(err, WEIR_STATUS_FAILED,
                             "%s: %s is quantized already (%s%s), and making it %s would lose a "
                             "second time, which was not asked for (--allow-requantize)",
                             weir_source_path(plan->source), it->from->name,
                             it->from->is_foreign ? "packed, read as " : "", it->from->format->name,
                             it->to->name);
    }
    plan->main_type = most_used(plan);
    plan->file_type =
        plan->mix != NULL ? plan->mix->file_type : weir_format_file_type(plan->main_type);
    return WEIR_STATUS_OK;
}

/* Only where a matrix lies in the file in one piece, row behind row. */
void weir_quantize_forget_pages(const weir_source *source, size_t i, uint8_t *scratch) {
    const weir_source_tensor *t = weir_source_tensor_at(source, i);
    size_t bytes = (size_t)t->stack_rows * t->row_bytes;
    for (uint64_t row = 0; row < t->n_rows && t->is_matrix; row += t->stack_rows) {
        const uint8_t *data = weir_source_row(source, i, row, scratch);
        const uint8_t *last = weir_source_row(source, i, row + t->stack_rows - 1, scratch);
        if (data != scratch && last == data + (bytes - t->row_bytes))
            weir_model_drop_pages(weir_source_model(source), data, bytes);
    }
}
