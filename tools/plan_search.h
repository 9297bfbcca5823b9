/*
 * plan_search.h: all that the program takes for a model and settings, before it is taken, and the
 * settings that fit into so much memory.
 *
 * The engine's part is weir_plan's, to the byte. Around it are what answers take when they are
 * drawn, the program itself, and the ends of huge pages; their sum is what the process will have
 * resident. Nothing is loaded here: every call computes.
 */
#ifndef WEIR_TOOLS_PLAN_SEARCH_H
#define WEIR_TOOLS_PLAN_SEARCH_H

#include "weir.h"

/* Of which verb the engine is. */
typedef enum weir_plan_use { WEIR_PLAN_RUN = 0, WEIR_PLAN_SERVE = 1 } weir_plan_use;

/* weir_plan_settings.kv_bytes: a quarter of the memory, as a server does if it is not told. */
#define WEIR_PLAN_KV_QUARTER UINT64_MAX

typedef struct weir_plan_settings {
    weir_plan_use use;
    /* What the command line gives; zeros are the verb's defaults. n_threads should not be 0: each
     * plan would look at the machine. */
    weir_engine_options engine;
    uint32_t n_lookup;      /* drafts of a step; 0: none */
    uint64_t kv_bytes;      /* for K/V pages of all timelines; 0: for whole contexts of all */
    uint64_t ram_bytes;     /* that there are */
    bool has_own_memory;    /* the device: what lies around the engine is not in it */
    bool may_stream;        /* experts that do not fit are read from the disk, as with --ram */
    uint64_t program_bytes; /* of the program without an engine */
} weir_plan_settings;

typedef struct weir_plan_whole {
    weir_plan engine;
    uint64_t samplers_bytes;  /* while all conversations answer at once */
    uint64_t drafts_bytes;    /* the index of drafts */
    uint64_t program_bytes;   /* as it was given */
    uint64_t page_ends_bytes; /* behind the engine's memory, to the end of its last huge page */
    uint64_t total_bytes;
    uint64_t stream_ram_bytes; /* what the engine's options say where experts are read
                                  from the disk; 0: all weights are in memory */
} weir_plan_whole;

weir_status weir_plan_whole_make(weir_plan_whole *out, const weir_model *model,
                                 const weir_plan_settings *settings, weir_error *err);
/* The options that the verb would open its engine with. */
weir_status weir_plan_engine(weir_engine_options *out, const weir_model *model,
                             const weir_plan_settings *settings, weir_error *err);

/* Bytes of an item of the engine's by its name; 0: it has none of this name. */
uint64_t weir_plan_item(const weir_plan *plan, const char *what);

/* Can it be planned, and is there memory for it? *whole may be NULL. */
bool weir_plan_fits(weir_plan_whole *whole, const weir_model *model,
                    const weir_plan_settings *settings);

/* The longest context that fits for as many conversations, all of them whole at once; the most
 * conversations of this context. 0: not even the smallest. */
uint32_t weir_plan_longest_context(const weir_model *model, const weir_plan_settings *settings);
uint32_t weir_plan_most_conversations(const weir_model *model, const weir_plan_settings *settings);

enum { WEIR_PLAN_REMEDIES = 10 };

/* Settings like those asked for that fit. */
typedef struct weir_plan_remedy {
    const char *what; /* is changed: "a smaller context" */
    weir_plan_settings settings;
    weir_plan_whole whole;
} weir_plan_remedy;

/* Ways to fit, those that change one thing first; returns how many. None of them has a context
 * below 512 tokens, unless less was asked for. */
size_t weir_plan_remedies(weir_plan_remedy out[WEIR_PLAN_REMEDIES], const weir_model *model,
                          const weir_plan_settings *settings);

/* The least that is asked for: one conversation, a context of 512 tokens or as many as were asked
 * for, K/V as small as the heads allow, few rows a step, no drafts. */
weir_plan_settings weir_plan_smallest(const weir_model *model, const weir_plan_settings *settings);

/* Bytes in front of the first tensor: metadata and the list of tensors. */
uint64_t weir_plan_header_bytes(const weir_model *model);

/* What a sampler of a vocabulary takes, and the indexes of drafts of an engine's timelines. */
uint64_t weir_plan_sampler_bytes(uint32_t n_vocab);
uint64_t weir_plan_drafts_bytes(uint32_t n_ctx, uint32_t n_seqs);

/* What this process has resident, and what of that is not of files; zeros: the system does not
 * tell.
 */
typedef struct weir_plan_resident {
    uint64_t bytes, anonymous_bytes;
} weir_plan_resident;

weir_plan_resident weir_plan_resident_now(void);

#endif
