/*
 * plan_show.h: what `weir plan` has found out, and its two forms on paper.
 *
 * A weir_plan_report borrows everything; verb_plan.c fills it.
 */
#ifndef WEIR_TOOLS_PLAN_SHOW_H
#define WEIR_TOOLS_PLAN_SHOW_H

#include "options.h"
#include "plan_search.h"

enum { WEIR_PLAN_KV_TYPES = 3, WEIR_PLAN_MIXES = 3 };

/* The largest that fits with one type of K/V. */
typedef struct weir_plan_limit {
    const char *kv_type;
    bool is_possible; /* the model's heads allow it */
    uint32_t context; /* for the conversations asked for; 0: none */
    uint32_t n_seqs;  /* of the context asked for; 0: none */
} weir_plan_limit;

/* The same model in another mix of formats. */
typedef struct weir_plan_mix {
    const char *name;
    uint64_t total_bytes; /* estimated: its weights, and all else as planned for them */
} weir_plan_mix;

typedef struct weir_plan_report {
    const char *name; /* of the model, as it was given */
    weir_model_info info;
    weir_plan_settings settings;
    const weir_string_list *loras; /* as they were given */
    bool has_threads;              /* their number was given */
    weir_plan_whole whole;
    bool fits;
    weir_stream_speed speed; /* of experts that are read from the disk; zeros: none are */
    weir_plan_limit limit[WEIR_PLAN_KV_TYPES];
    weir_plan_remedy remedy[WEIR_PLAN_REMEDIES]; /* [n_remedies]; of what does not fit */
    size_t n_remedies;
    weir_plan_mix mix[WEIR_PLAN_MIXES]; /* [n_mixes] that fit, the largest first */
    size_t n_mixes;
    bool mixes_need_least; /* they fit with the least settings, and none with those asked for */
    weir_plan_remedy least;
    bool is_quantized; /* so a mix should be made from what it was made from */
} weir_plan_report;

/* Both print to standard output. */
void weir_plan_as_text(const weir_plan_report *report);
/* NO_MEMORY is its only failure. */
weir_status weir_plan_as_json(const weir_plan_report *report, weir_error *err);

#endif
