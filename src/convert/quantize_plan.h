/*
 * quantize_plan.h: what becomes of each tensor of a source: the mix, the rules over it, or what a
 * size leaves; refusals of what nobody can have meant. Nothing is written here.
 */
#ifndef WEIR_CONVERT_QUANTIZE_PLAN_H
#define WEIR_CONVERT_QUANTIZE_PLAN_H

#include "convert/quantize_importance.h"
#include "convert/quantize_mix.h"
#include "weir_quantize.h"

/* "GLOB=format" taken apart. */
typedef struct weir_quantize_rule {
    char *glob; /* owned */
    const weir_format *format;
    bool has_matched, has_matched_matrix;
} weir_quantize_rule;

/* BAD_ARGUMENT says what is wrong with the rule. glob is the caller's to free on success. */
weir_status weir_quantize_rule_parse(weir_quantize_rule *out, const char *text, weir_error *err);
/* Does the glob name this tensor, as it is or without its ".weight"? */
bool weir_quantize_rule_matches(const weir_quantize_rule *rule, const char *name);

typedef struct weir_quantize_item {
    const weir_source_tensor *from;
    const weir_format *to;
    size_t row_bytes;
    bool is_ruled, is_substituted, has_importance;
    uint32_t n_unseen;
} weir_quantize_item;

typedef struct weir_quantize_plan {
    const weir_source *source;
    const weir_importance *importance;
    const weir_quantize_options *options;
    const weir_quantize_mix *mix; /* NULL: a size decides */
    weir_quantize_rule *rules;    /* [options->n_rules] owned */
    size_t n_rules;
    weir_quantize_item *items; /* [n_items] owned, in the order of the source */
    size_t n_items;
    const weir_format *main_type; /* that the metadata name */
    uint32_t file_type;           /* general.file_type */
} weir_quantize_plan;

/* Checks type and rules alone, before a model is read: a plan with no items. */
weir_status weir_quantize_plan_begin(weir_quantize_plan *out, const weir_quantize_options *options,
                                     weir_error *err);
/* Decides by mix and rules. Without a mix the matrices that no rule names keep their formats. */
weir_status weir_quantize_plan_make(weir_quantize_plan *plan, const weir_source *source,
                                    const weir_importance *importance, weir_error *err);
/* Gives item i a format, or what stands in for it. */
void weir_quantize_plan_set(weir_quantize_plan *plan, size_t i, const weir_format *format);
/* After the last change: refuses what loses twice, names the main type. */
weir_status weir_quantize_plan_end(weir_quantize_plan *plan, weir_error *err);
void weir_quantize_plan_close(weir_quantize_plan *plan);

/* After some rows of a tensor were looked at: their pages go back to the system; unlike those that
 * weir_source_drop gives back they will be read again. scratch: as for weir_source_row. */
void weir_quantize_forget_pages(const weir_source *source, size_t i, uint8_t *scratch);

#endif
