/*
 * expert_stream.h: experts that are read from the model's file when they are
 * needed. Internal to src/cpu.
 *
 * For models larger than memory. All matrices that every token meets lie in the
 * device's weights; a matrix of an expert (a *unit*: gate, up or down) lies in
 * a slot of a cache, or only in its file.
 *
 *   router            linear: gate                     linear: up linear: down
 *   of the layer  ->  all that the layer needs is  ->  what is there  ->  ...
 *                     asked for at once, in the        is multiplied
 *                     order of use; workers
 *                     multiply what is there, pack
 *                     what has come
 *
 * Units of the same size share a pool of slots over all layers. The slot that
 * is given up holds the unit with the smallest frequency of use that fades with
 * time (expert_cache.c has the figures). With fewer slots than a step needs,
 * which prompts have that meet all experts, the layer is walked in its order,
 * each unit read once. The disk is never without work while something is
 * missing: what has come is packed before anything is multiplied. When all is
 * there, units that the next layer's router would choose now are read ahead
 * (expert_guess.c).
 *
 * Which units were there changes when they are multiplied, never by what kernel
 * nor in what order a sum is made, so the bits are those of a device that has
 * all in memory.
 *
 * Reads are direct where the file system has that: the file's pages would
 * otherwise fill the memory that was to be saved. A read that fails or a file
 * that has changed fails the step. Unit, slot and piece are numbers; `lock`
 * guards all that changes after open but the slots' bytes, which belong to the
 * worker that packs a piece into them, and to nobody while they are multiplied.
 */
#ifndef WEIR_CPU_EXPERT_STREAM_H
#define WEIR_CPU_EXPERT_STREAM_H

#include "base/arena.h"
#include "base/read_queue.h"
#include "cpu/kernels.h"
#include "model/model.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

enum {
    WEIR_EXPERT_PARTS = 3, /* gate, up, down, in the order of their use */
    WEIR_EXPERT_CLASSES = 8,
    WEIR_EXPERT_DEPTH = 32, /* the largest depth */
    WEIR_EXPERT_NONE = UINT32_MAX
};

typedef enum weir_expert_state {
    WEIR_EXPERT_ABSENT = 0,
    WEIR_EXPERT_COMING, /* has a slot; pieces of it are asked for or will be */
    WEIR_EXPERT_HERE
} weir_expert_state;

typedef struct weir_expert_unit {
    uint64_t at;        /* in its file */
    double score;       /* log2 of its faded uses, moved to the time 0 (expert_cache.c) */
    uint32_t file;      /* of the stream's files */
    uint32_t slot;      /* of its class; WEIR_EXPERT_NONE while ABSENT */
    uint32_t n_missing; /* bytes that are not in the slot yet */
    uint32_t n_asked;   /* bytes that were asked for */
    uint32_t wanted;    /* place in the layer's list; WEIR_EXPERT_NONE: in none */
    uint8_t class_of;
    uint8_t state;   /* weir_expert_state */
    bool is_held;    /* asked for by the layer that runs, and not multiplied yet */
    bool is_guessed; /* read ahead, and not used yet */
} weir_expert_unit;

/* Units of one size and their slots. */
typedef struct weir_expert_class {
    size_t slot_bytes;
    uint32_t n_units, n_slots, n_filled;
    uint32_t *unit_of; /* [n_slots]; WEIR_EXPERT_NONE: left; from n_filled on:
                          never used */
    uint8_t *slots;    /* [n_slots, slot_bytes] */
} weir_expert_class;

typedef struct weir_expert_file {
    const char *path; /* the model's */
    int file;         /* -1: not open */
    bool is_direct;
    struct stat was; /* when it was opened */
} weir_expert_file;

/* One read. */
typedef struct weir_expert_piece {
    weir_read read; /* first, so that the pointers are the same */
    uint32_t unit;
    uint32_t first, bytes; /* of the matrix as it stands in the file */
    uint32_t skip;         /* in front of them in the buffer */
    struct weir_expert_piece *next;
} weir_expert_piece;

typedef struct weir_expert_stats {
    uint64_t n_uses, n_hits;             /* units that layers wanted, and those that were there */
    uint64_t read_bytes;                 /* from files */
    uint64_t n_guessed, n_guesses_taken; /* units that were read ahead, and used then */
    double wait_s;                       /* workers had nothing to do but wait for reads */
} weir_expert_stats;

typedef struct weir_expert_stream {
    /* fixed after open */
    const weir_model *model;    /* as it is mapped */
    uint32_t n_layers;          /* with experts */
    uint32_t first_layer;       /* all behind it have experts */
    uint32_t n_experts, n_used; /* of a layer, by a token */
    uint32_t n_units;
    weir_weight *weights;    /* [n_layers, WEIR_EXPERT_PARTS, n_experts]; data of
                                those HERE */
    weir_expert_unit *units; /* the same */
    weir_expert_class classes[WEIR_EXPERT_CLASSES];
    uint32_t n_classes;
    bool *is_packed;         /* [n_layers, WEIR_EXPERT_PARTS] into strips (t16.h) */
    weir_expert_file *files; /* [n_files] */
    uint32_t n_files;
    uint32_t depth; /* pieces under way, at most: those of one token in one layer,
                       if not too many */
    size_t buffer_bytes;
    uint8_t *buffers; /* [depth, buffer_bytes], whole pages */
    weir_read_queue *queue;
    weir_expert_piece pieces[WEIR_EXPERT_DEPTH]; /* [depth] */

    pthread_mutex_t lock;
    pthread_cond_t has_changed; /* something is HERE, has ended, or the queue is
                                   free to wait at */
    weir_expert_piece *free;    /* pieces that read nothing */
    weir_expert_piece *ended;   /* have been read, are not packed */
    uint32_t n_under_way;       /* neither */
    bool is_waited_for;         /* a worker waits at the queue */
    uint32_t *coming;           /* [n_units] ring of those to be asked for, first in, first out */
    uint32_t coming_first, n_coming;

    /* the layer that runs */
    uint32_t layer;       /* of n_layers; WEIR_EXPERT_NONE: none */
    uint32_t part;        /* whose product runs, or ran last */
    uint32_t first_part;  /* of the list */
    uint32_t n_active;    /* experts */
    uint32_t *list;       /* [n_listed] units in the order of their use */
    uint32_t n_listed;    /* WEIR_EXPERT_PARTS n_active, without parts before
                             first_part */
    uint32_t n_held_once; /* units of the list that were held: all before this place */
    /* its product */
    uint32_t *ready;  /* [n_ready] experts that can be multiplied, as they came */
    uint32_t *n_left; /* [n_experts] tiles of an expert that are not multiplied */
    uint32_t n_ready, n_tiles;
    uint64_t next_item; /* tile of ready[next_item / n_tiles] */

    uint64_t *clocks;  /* [n_layers] tokens that each has seen */
    uint32_t *guesses; /* [n_guesses] units of the next layer, in the order of
                          their use */
    uint32_t n_guesses, next_guess;
    uint32_t guess_depth;          /* pieces under way while there are guesses, at most */
    float *guess_x, *guess_logits; /* [d_model], [n_experts] */
    bool *guess_chosen;            /* [n_experts] */

    bool has_failed; /* the step; what has come is not to be used */
    weir_error error;
    atomic_bool stop;    /* ends the step between layers */
    atomic_bool *cancel; /* of the step that runs, or NULL */
    weir_expert_stats stats;
} weir_expert_stream;

/* ---- expert_cache.c: what is where --------------------------------------------------------- */

/* What decides whether a matrix is packed stays with the device. */
typedef bool weir_expert_packs(const void *context, const weir_weight *w);

/* Places tables, buffers and slots, as many as fit in `room` bytes, in the
 * arena, or measures them; at least as many slots as one token needs in one
 * layer. *file_bytes: of all units. The stream is zeros before; without a
 * weir_expert_stream_open behind it nothing has to be closed. */
void weir_expert_stream_layout(weir_expert_stream *s, weir_arena *arena, const weir_model *model,
                               uint64_t room, weir_expert_packs *packs, const void *context,
                               uint64_t *file_bytes);
/* The weights of a part of a layer, which the device's model refers to:
 * [n_experts]. */
weir_weight *weir_expert_stream_weights(const weir_expert_stream *s, uint32_t layer, uint32_t part);

/* n_rows of tokens have chosen the unit, the layer's clock says now. */
void weir_expert_count(weir_expert_unit *unit, uint32_t n_rows, uint64_t now);
/* A slot for the unit, which becomes COMING; what was there becomes ABSENT.
 * False: none can be given up. Nothing with a score above `most` is. */
bool weir_expert_take_slot(weir_expert_stream *s, uint32_t unit, double most);
/* The unit, COMING or HERE, becomes ABSENT; its slot is empty. */
void weir_expert_leave_slot(weir_expert_stream *s, uint32_t unit);
uint8_t *weir_expert_slot(const weir_expert_stream *s, const weir_expert_unit *unit);

/* ---- expert_files.c: where it is in the file
 * --------------------------------------------------*/

/* Where a matrix of the mapped model is: path lives as long as the model.
 * UNSUPPORTED: a model without files. */
weir_status weir_expert_place(const char **path, uint64_t *at, const weir_model *model,
                              const weir_weight *w, weir_error *err);
/* f: a path, and nothing else. The caller closes f->file if it is not below 0.
 * IO. */
weir_status weir_expert_file_open(weir_expert_file *f, weir_error *err);
/* Opens the files of all units and finds their places. IO, UNSUPPORTED (a model
 * without a file), or BAD_FILE where a file is not what was mapped. */
weir_status weir_expert_files_open(weir_expert_stream *s, weir_error *err);
void weir_expert_files_close(weir_expert_stream *s);
/* BAD_FILE: one of them has changed since. */
weir_status weir_expert_files_check(const weir_expert_stream *s, weir_error *err);

/* ---- expert_stream.c: what happens
 * ------------------------------------------------------------*/

/* The arena has been laid out over memory. */
weir_status weir_expert_stream_open(weir_expert_stream *s, weir_error *err);
void weir_expert_stream_close(weir_expert_stream *s);

static inline bool weir_expert_stream_owns(const weir_expert_stream *s, const weir_weight *w) {
    return s && s->weights && w >= s->weights && w < s->weights + s->n_units;
}

/* Before a step: what a failed one left behind is put right, the files are
 * looked at. cancel: the step's, or NULL; what it says, and that a read has
 * failed, is in `stop` at the next layer. */
weir_status weir_expert_step_begin(weir_expert_stream *s, atomic_bool *cancel, weir_error *err);
/* Before the step's results are handed out: false if a read has failed, or a
 * file has changed meanwhile. */
bool weir_expert_step_check(weir_expert_stream *s);
/* Behind the step: why it is lost, if it is. */
weir_status weir_expert_step_end(weir_expert_stream *s, weir_error *err);

/* A product begins: experts [n], ascending, of which expert e has begin[e + 1]
 * - begin[e] rows of n_tokens n_used. w: the first of a part's weights. Each
 * expert is to be multiplied in n_tiles items. By the thread that drives the
 * team, outside of a region. */
void weir_expert_product_begin(weir_expert_stream *s, const weir_weight *w, const uint32_t *experts,
                               uint32_t n, const uint32_t *begin, uint32_t n_tokens,
                               uint32_t n_tiles);
/* The next item for a worker, which reads and packs until there is one: false:
 * there will be none, all is done, or has_failed. */
bool weir_expert_item_take(weir_expert_stream *s, uint32_t *expert, uint32_t *tile);
void weir_expert_item_done(weir_expert_stream *s, uint32_t expert);

/* Has the pieces asked for that buffers are free for. Locked. */
void weir_expert_ask(weir_expert_stream *s);

/* ---- expert_guess.c: reading ahead
 * ------------------------------------------------------------*/

/* Guesses which units the layer behind the one whose product has begun will
 * want, from the residual stream x [n_tokens, d_model] of now. model: the
 * device's. */
void weir_expert_guess(weir_expert_stream *s, const weir_cpu_kernels *kernels,
                       const weir_model *model, const float *x, uint32_t n_tokens);
/* Asks for guesses while the disk has nothing else to do. Locked. */
void weir_expert_ask_guesses(weir_expert_stream *s);

#endif
