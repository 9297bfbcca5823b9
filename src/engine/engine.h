/*
 * engine.h: the engine's own structs, for the files of this room and its tests.
 *
 * A weir_seq is a slot of its engine. It owns two conv states of the device: `state` is valid after
 * state_pos tokens, the other takes what the next step computes; a step that succeeds swaps them.
 * So a step that fails has moved nothing. Its pages hold the K/V of its first n_kv tokens.
 *
 *   tokens   [ 0 ................ n_kv ............ n_tokens )
 *              K/V in pages        pending
 *
 * With a lookup a step that only decodes also runs drafts: tokens that may follow. They are
 * ahead of n_kv, in the places of the last page that no token has yet; a snapshot that is ahead
 * holds state and logits behind each. If the token that becomes pending next is the drafted one,
 * the next step takes these over instead of running anything; if not, they are dropped, and nothing
 * has to be computed again. No page that others can see holds a draft within its tokens.
 *
 * A device that computes while the host goes on may run one row ahead without a lookup: a *flight*
 * is a step that is begun while the one before it still runs, and takes the token of each row from
 * what that one draws (flight.c). It is taken over like a draft if the token that becomes pending
 * is the drawn one and the draw behind it is planned as the flight made it. Between two calls:
 *
 *   - at most one flight is on its way; it reads `state` of its timelines and writes `state_next`,
 *     K/V at position n_kv, and what it draws to `flown_drawn` (or `logits`, which are nobody's
 *     then). All of that is garbage to everybody else: nobody reads a page behind n_kv, and
 *     state_next is what the next step writes anyway;
 *   - whatever is asked of the device afterwards, by this timeline or by one that got its page,
 *     comes after it. So a flight is dropped by forgetting it: without a wait, without an undo;
 *   - if its page is shared since (a fork), those it is shared with do not see what it writes
 * behind their tokens, and copy the page before they write there. It is not taken over then: tokens
 *     are added to a page while nobody shares it.
 */
#ifndef WEIR_ENGINE_ENGINE_H
#define WEIR_ENGINE_ENGINE_H

#include "backend/backend.h"
#include "engine/drafts.h"
#include "engine/page_store.h"
#include "engine/pages.h"

enum { WEIR_NO_POS = UINT32_MAX };

/* What a draw was planned with, beside the history. */
typedef struct weir_draw_wish {
    uint64_t sampler; /* its number */
    size_t n_prompt;
    uint32_t n_top;
    bool has_mask, wants_logprob, runs_ahead;
} weir_draw_wish;

struct weir_seq {
    weir_engine *engine;
    bool is_open;
    bool is_loaded; /* K/V from a file: another device or ISA may have made its bits, so its pages
                       never enter the tree that other timelines take theirs from */
    uint64_t step;  /* number of the last step it was named in */
    uint32_t n_tokens;
    uint32_t n_kv;
    uint32_t state_pos; /* tokens behind `state`; WEIR_NO_POS: not valid, a replay is due */
    uint32_t state;     /* conv state slots of the device */
    uint32_t state_next;
    uint32_t logits_pos; /* tokens behind `logits`; WEIR_NO_POS: none */
    uint32_t draw_pos;   /* behind so many tokens `draw` is to be made; WEIR_NO_POS: nowhere */
    uint32_t drawn_pos;  /* tokens behind `drawn`; WEIR_NO_POS: none. Never where logits are */
    uint32_t n_pages;
    int32_t *tokens;     /* [n_ctx] */
    uint32_t *pages;     /* [pages of n_ctx] */
    uint32_t *nodes;     /* [pages of n_ctx] prefix node of each full page, or WEIR_NO_NODE */
    float *logits;       /* [n_vocab] */
    float *lora_scales;  /* [n_loras] */
    weir_lookup *lookup; /* NULL: none */
    uint32_t n_ahead;    /* drafts that were run behind n_kv */
    uint32_t ahead[WEIR_LOOKUP_MOST]; /* [n_ahead] their snapshots, the next one last */
    weir_reuse reuse;
    weir_draw draw;
    weir_drawn drawn;
    weir_draw_wish wish;    /* of `draw` */
    weir_sampler *sampler;  /* the same; may be looked at in the step that makes the draw alone */
    bool is_flown;          /* a flight has run, or runs, position n_kv */
    bool is_landing;        /* the step that is planned takes it over */
    int32_t flown_token;    /* what is at n_kv then */
    uint32_t n_flown_pages; /* for it alone: 0 or 1, the last */
    uint32_t flown_out;     /* its number among the outputs */
    uint64_t flown_ticket;
    weir_draw_wish flown_wish;
    weir_drawn flown_drawn; /* once the flight was waited for */
    bool is_apart; /* other scales than the engine's: its K/V is not what others would compute, so
                      its pages do not enter the tree, nor come from there */
};

/* A conv state and logits kept from a turn's end. */
typedef struct weir_snapshot {
    weir_seq *seq; /* whose; NULL: of a node, or free */
    uint32_t node; /* without seq: of the path that ends within this node of the tree, left there by
                      a timeline that was closed; WEIR_NO_NODE: free */
    uint32_t pos;  /* tokens behind it */
    uint32_t state;
    bool has_logits;
    bool is_ahead; /* behind a drafted token, the last of its pos: found through seq->ahead alone */
    int32_t token; /* of is_ahead: the drafted one */
    uint64_t used; /* tick of the last use; the oldest goes first */
    float *logits; /* [n_vocab] */
} weir_snapshot;

/* What one chunk of a step will do. */
typedef struct weir_chunk_plan {
    weir_seq *seq;
    uint32_t start;    /* position of the first row */
    uint32_t n_replay; /* rows start .. n_kv - 1 */
    uint32_t n_new;
    uint32_t n_drafts; /* rows behind them */
    uint32_t state_in;
    bool wants_last; /* its last new row ends the pending tokens: logits go to the timeline */
    bool wants_draw; /* the device draws from these instead */
    bool is_ahead;   /* the pending token was drafted and run before: no rows */
    bool is_flown;   /* the same, by a flight */
    bool flies;      /* the next flight has the row behind it */
    uint32_t out;    /* of wants_draw and not is_flown: its number among the outputs */
} weir_chunk_plan;

/* A step that was begun and not waited for. */
typedef struct weir_flight {
    bool is_open;
    uint64_t ticket;
    uint32_t turn; /* its set of out_logits and out_drawn */
} weir_flight;

struct weir_engine {
    weir_model *model;
    weir_backend *backend;
    weir_plan plan; /* defaults filled in */
    uint32_t n_out;
    uint32_t replay_window;
    uint32_t n_refs; /* the handle and the open timelines */
    char describe[160];
    atomic_bool cancel;
    uint64_t tick;

    weir_arena arena;
    weir_pages pages;
    weir_page_store *store;   /* NULL: none */
    uint8_t *page;            /* [page_bytes] on its way to or from the store */
    uint64_t n_unstored;      /* full nodes that are not in the store; 0 without one */
    uint32_t next_stored;     /* page where looking for such goes on */
    weir_seq *seqs;           /* [n_seqs] */
    weir_snapshot *snapshots; /* [n_snapshots] */
    weir_lora **loras;        /* [n_loras] shared */
    float *lora_scales;       /* [n_loras] of timelines that set none */
    uint32_t n_loras;
    /* the batch of the step that runs */
    weir_chunk_plan *plans;                 /* [n_seqs] */
    weir_rows *rows;                        /* [n_seqs] */
    int32_t *row_tokens;                    /* [n_batch] */
    uint32_t *row_pos;                      /* [n_batch] */
    uint32_t *out_rows;                     /* [n_out] */
    const weir_draw **out_draws;            /* [n_out] */
    uint32_t turn;                          /* of the two sets that stay until a step is over, the
                                               one that the next step has */
    float **out_logits[2];                  /* [n_out] */
    weir_drawn **out_drawn[2];              /* [n_out] */
    uint32_t kept_states[WEIR_LOOKUP_MOST]; /* of the chunks that have drafts */

    weir_draft_record drafts; /* by which timelines draft */

    weir_flight flight;     /* begun in an earlier call */
    uint32_t n_flown_pages; /* that flights alone hold: they give way to everybody */

    weir_observer observer; /* take NULL: none */
    weir_engine_stats stats;
};

/* plan.c: fills defaults, checks options, computes every byte. `backend` may be NULL. */
weir_status weir_engine_plan(weir_plan *plan, weir_backend_options *backend, uint32_t *n_out,
                             const weir_model *model, const weir_engine_options *options,
                             weir_error *err);
/* stream_speed.c: of memory that is read to find out how fast that is: more than the caches hold,
 * so that it is not they that are measured, and no more than half of what the engine will take. */
uint64_t weir_stream_buffer_bytes(uint64_t cache_bytes, uint64_t ram_bytes);
/* Places (or measures) what the engine itself needs. */
void weir_engine_layout(weir_engine *engine, weir_arena *arena, const weir_model *model,
                        const weir_plan *plan, uint32_t n_out, uint32_t n_loras);

/* snapshot.c */
/* Keeps the state (and logits) of seq at n_kv, if its state is valid there. */
void weir_snapshot_take(weir_seq *seq);
/* The best snapshot of seq with from <= pos <= to, or NULL. */
weir_snapshot *weir_snapshot_find(weir_seq *seq, uint32_t from, uint32_t to);
/* Forgets those of seq behind position `pos`. */
void weir_snapshot_cut(weir_seq *seq, uint32_t pos);
/* Keeps the state of seq at n_kv for whoever comes to the same place within node. */
void weir_snapshot_leave(weir_seq *seq, uint32_t node);
/* One that was left within node at pos, or NULL. */
weir_snapshot *weir_snapshot_left(weir_engine *engine, uint32_t node, uint32_t pos);
/* The node leaves the tree. */
void weir_snapshot_forget(weir_engine *engine, uint32_t node);

/* state_file.c: the model's, changed by each adapter that is used: with others the K/V would be
 * different. */
uint64_t weir_engine_fingerprint(const weir_engine *engine, const float *lora_scales);

/* reuse.c */
/* A full page has become a node. */
void weir_node_added(weir_engine *engine);
/* Takes over what the tree and the store have of the tokens of a timeline that was empty. */
void weir_reuse_prefix(weir_seq *seq);
/* Before seq is closed: its last page, if it is not full, goes into the tree. */
void weir_leave_tail(weir_seq *seq);
/* A node leaves the tree: its page goes to the store, snapshots within it are free. For
 * weir_pages.on_forget; context: the engine. */
void weir_node_forgotten(void *context, uint32_t node);

/* How many drafts could be kept, of all timelines. n_read: snapshots that the step begins from, the
 * ones that were found last. */
uint32_t weir_ahead_room(const weir_engine *engine, uint32_t n_read);
/* Places for state and logits behind drafts [n], n <= weir_ahead_room; seq has none ahead. */
void weir_ahead_place(weir_seq *seq, const int32_t *drafts, uint32_t n);
/* The place behind draft i of those that are ahead. */
weir_snapshot *weir_ahead_at(const weir_seq *seq, uint32_t i);
/* The next draft has become a token: its state and logits are the timeline's. */
void weir_ahead_take(weir_seq *seq);
/* Forgets what is ahead. is_rejected: another token came than was drafted. */
void weir_ahead_drop(weir_seq *seq, bool is_rejected);

/* flight.c */
/* Is the token that is pending the one that was flown, and is the chunk planned as it was? */
bool weir_flight_is_right(const weir_seq *seq, const weir_chunk *chunk);
/* Forgets it, if there is one. */
void weir_flight_drop(weir_seq *seq);
/* Runs the planned chunks, of which `batch` has the rows that are not flown; where all of them may,
 * the next flight is begun while they run. FAILED: the device is lost. */
weir_status weir_flight_step(weir_engine *engine, const weir_batch *batch, size_t n_chunks,
                             weir_error *err);
/* What the flight of a landing timeline has drawn is the timeline's. */
void weir_flight_land(weir_seq *seq);
/* The step of seq is committed, and the flight that was begun behind it has a row for what it drew:
 * output `out`. */
void weir_flight_leave(weir_seq *seq, uint32_t out);
/* weir_page_take, for which flights give way. */
uint32_t weir_engine_take_page(weir_engine *engine);

/* seq.c */
/* weir_seq_set_lookup with the options of tests. */
weir_status weir_seq_open_lookup(weir_seq *seq, const weir_lookup_options *options,
                                 weir_error *err);
/* Gives pages beyond the first n_tokens tokens back. */
void weir_seq_trim_pages(weir_seq *seq, uint32_t n_tokens);
void weir_engine_release(weir_engine *engine); /* one reference less; the last one frees */

static inline uint32_t weir_pages_for(uint32_t n_tokens) {
    return n_tokens / WEIR_PAGE_TOKENS + (n_tokens % WEIR_PAGE_TOKENS != 0);
}

#endif
