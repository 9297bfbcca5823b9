/*
 * cuda_backend.c: opens, plans and closes the CUDA device, and runs a step on it.
 *
 * Owns the device's two blocks, the pinned one, the stream and the failure. Does not compute: see
 * kernels_cuda.h. Invariant: layout() is the only place that says how much memory there is, for the
 * plan as for the blocks; after open nothing is allocated. A step is all or nothing: logits and
 * drawn tokens are handed out only when the device has said that all of it is done. Two steps may
 * be on their way: what the host packs for one and reads of it is not touched by the other.
 */
#include "cuda/cuda_backend.h"

#include "base/compiler.h"
#include "base/error.h"
#include "cuda/cuda.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

typedef struct sizes {
    size_t work, pinned, weights, tables, watched;
    size_t pages, states; /* of work */
} sizes;

/* Values of the widest row that an observer is shown. */
static size_t widest_row(const weir_model *model) {
    const weir_hparams *h = &model->h;
    const size_t widths[] = {h->d_model, h->d_ff, (size_t)h->n_heads * h->head_dim,
                             (size_t)h->n_experts_used * h->d_ff_expert, h->n_experts};
    size_t most = 0;
    for (size_t i = 0; i < WEIR_COUNT(widths); i++)
        most = widths[i] > most ? widths[i] : most;
    return most;
}

/* Places everything but the weights, or measures it. be.kv is filled. */
static void layout(weir_cuda *cuda, weir_arena *work, weir_arena *pinned, sizes *out,
                   const weir_model *model, const weir_backend_options *options) {
    const weir_hparams *h = &model->h;
    weir_backend *be = &cuda->host.be;
    cuda->state_values = (size_t)model->n_layers_conv * h->d_model * (h->l_cache - 1);
    cuda->pages = weir_arena_take_array(work, options->n_pages, be->kv.page_bytes);
    out->pages = work->used;
    cuda->states =
        weir_arena_take_array(work, options->n_states, cuda->state_values * sizeof(float));
    out->states = work->used - out->pages;
    weir_compose_layout(&be->scratch, work, model, options);
    cuda->inverse_freq = weir_arena_take_array(work, h->head_dim / 2, sizeof(double));
    cuda->step_bytes = weir_cuda_batch_bytes(model, options);
    cuda->step_device = weir_arena_take(work, cuda->step_bytes);
    size_t state_bytes = cuda->state_values * sizeof(float);
    for (uint32_t turn = 0; turn < 2; turn++)
        cuda->step_host[turn] = weir_arena_take(pinned, cuda->step_bytes);
    cuda->state_host =
        weir_arena_take(pinned, state_bytes > be->kv.page_bytes ? state_bytes : be->kv.page_bytes);
    weir_cuda_results_layout(&cuda->results, work, pinned, model, options);
    weir_cuda_fast_layout(&cuda->fast, work, pinned, model, &be->kv, options);
    weir_cuda_decode_layout(cuda, work, pinned, model, options);
}

/* Fills what the layout depends on, and runs it over arenas without memory. */
static weir_status measure(weir_cuda *cuda, sizes *out, const weir_model *model,
                           const weir_backend_options *options, weir_error *err) {
    weir_arena work = {0}, pinned = {0}, watched = {0};
    assert(options->activations == WEIR_ACTIVATIONS_BF16 ||
           options->activations == WEIR_ACTIVATIONS_F32); /* engine/devices.c has seen to it */
    *out = (sizes){0};
    if (options->isa)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "device 'cuda': isa '%s': expected none, it is a choice of device 'cpu'",
                         options->isa);
    WEIR_TRY(weir_kv_layout_make(&cuda->host.be.kv, model, options->kv_type, err));
    WEIR_TRY(weir_cuda_weights_measure(&out->weights, &out->tables, model, options, err));
    layout(cuda, &work, &pinned, out, model, options);
    weir_arena_take_array(&watched, options->n_batch, widest_row(model) * sizeof(float));
    if (work.used == SIZE_MAX || pinned.used == SIZE_MAX || watched.used == SIZE_MAX ||
        out->weights == SIZE_MAX || pinned.used > SIZE_MAX - work.used)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY,
                         "%u K/V pages and %u rows a step: more bytes than can be addressed",
                         (unsigned)options->n_pages, (unsigned)options->n_batch);
    out->work = work.used;
    out->pinned = pinned.used;
    out->watched = watched.used;
    return WEIR_STATUS_OK;
}

weir_status weir_cuda_plan(weir_backend_memory *out, const weir_model *model,
                           const weir_backend_options *options, weir_error *err) {
    weir_cuda cuda = {0};
    sizes s;
    WEIR_TRY(measure(&cuda, &s, model, options, err));
    *out = (weir_backend_memory){.pages_bytes = s.pages,
                                 .states_bytes = s.states,
                                 .scratch_bytes = s.work - s.pages - s.states + s.pinned,
                                 .weights_bytes = s.weights};
    return WEIR_STATUS_OK;
}

static weir_status fail_room(const weir_cuda *cuda, const sizes *s, weir_error *err) {
    const double gb = 1e9;
    return weir_fail(err, WEIR_STATUS_NO_MEMORY,
                     "device 'cuda': %.2f GB are needed (weights %.2f, K/V pages %.2f, conv states "
                     "%.2f, the rest %.2f) and %.2f of %.2f GB are free on %s; a smaller context, "
                     "fewer timelines, a smaller batch or device 'cpu' need less",
                     (double)(s->weights + s->work) / gb, (double)s->weights / gb,
                     (double)s->pages / gb, (double)s->states / gb,
                     (double)(s->work - s->pages - s->states) / gb,
                     (double)cuda->facts.free_bytes / gb, (double)cuda->facts.total_bytes / gb,
                     cuda->facts.name);
}

static weir_status take_device(weir_cuda *cuda, void **out, size_t bytes, const sizes *s,
                               weir_error *err) {
    int code = weir_cuda_take(out, bytes);
    if (code == WEIR_CUDA_NO_MEMORY)
        return fail_room(cuda, s, err);
    return weir_cuda_fail(err, code, "taking memory");
}

static weir_status take_memory(weir_cuda *cuda, const sizes *s, weir_error *err) {
    if (s->work > cuda->facts.free_bytes || s->weights > cuda->facts.free_bytes - s->work)
        return fail_room(cuda, s, err);
    WEIR_TRY(take_device(cuda, &cuda->weights, s->weights, s, err));
    WEIR_TRY(take_device(cuda, &cuda->work, s->work, s, err));
    WEIR_TRY(weir_cuda_fail(err, weir_cuda_take_pinned(&cuda->pinned, s->pinned),
                            "pinned memory of the host"));
    WEIR_TRY(weir_arena_open(&cuda->tables, s->tables, "the CUDA device's tables", err));
    return weir_arena_open(&cuda->watched, s->watched, "what an observer is shown", err);
}

/* Pages and states start as zeros, and the rotation's frequencies are those of the reference. */
static weir_status fill_memory(weir_cuda *cuda, const sizes *s, weir_error *err) {
    const weir_hparams *h = &cuda->host.be.model->h;
    double frequencies[WEIR_MAX_HEAD_DIM / 2];
    for (uint32_t j = 0; j < h->head_dim / 2; j++)
        frequencies[j] = (float)pow(h->rope_theta, -2.0 * j / h->head_dim);
    int code = weir_cuda_clear(cuda->stream, cuda->work, s->pages + s->states);
    if (code == 0)
        code = weir_cuda_copy_up(cuda->stream, cuda->inverse_freq, frequencies,
                                 h->head_dim / 2 * sizeof *frequencies);
    int waited = weir_cuda_wait(cuda->stream);
    return weir_cuda_fail(err, code != 0 ? code : waited, "filling memory");
}

/* ---- the step ---- */

bool weir_cuda_note(weir_cuda *cuda, int code, const char *what) {
    weir_backend *be = &cuda->host.be;
    char text[WEIR_CUDA_ERROR_TEXT];
    if (code != 0 && !be->failure) {
        weir_cuda_describe_error(code, text, sizeof text);
        snprintf(cuda->failure, sizeof cuda->failure, "%s: %s", what, text);
        be->failure = cuda->failure;
    }
    return be->failure == NULL;
}

static weir_status fail_lost(const weir_cuda *cuda, const char *when, weir_error *err) {
    return weir_fail(err, WEIR_STATUS_FAILED,
                     "the CUDA device %s (%s); timelines have not moved: open the engine again, "
                     "or with device 'cpu'",
                     when, cuda->failure);
}

/* Shows the batch's observer on the host what lies on the device. */
static void show_down(void *context, const char *what, uint32_t layer, const void *data,
                      uint32_t n_rows, uint32_t width) {
    weir_cuda *cuda = context;
    size_t bytes = (size_t)n_rows * width * sizeof(float);
    if (cuda->host.be.failure)
        return;
    if (weir_cuda_note(cuda, weir_cuda_copy_down(cuda->stream, cuda->watched.base, data, bytes),
                       what) &&
        weir_cuda_note(cuda, weir_cuda_wait(cuda->stream), what))
        cuda->observer->take(cuda->observer->context, what, layer, cuda->watched.base, n_rows,
                             width);
}

/* Blocks and ops, one launch each. */
static weir_status compose_step(weir_cuda *cuda, const weir_batch *batch, weir_error *err) {
    weir_backend *be = &cuda->host.be;
    const weir_observer observer = {.take = show_down, .context = cuda};
    uint8_t *host = cuda->step_host[cuda->turn];
    size_t bytes = weir_cuda_batch_pack(&cuda->step, batch, be->options.n_loras, host,
                                        cuda->step_bytes, cuda->step_device);
    weir_cuda_note(cuda, weir_cuda_copy_up(cuda->stream, cuda->step_device, host, bytes),
                   "the step's rows");
    weir_cuda_fast *fast = &cuda->fast;
    weir_cuda_fast_begin(fast, cuda->turn, cuda->step.host_chunks, batch->n_chunks);
    if (fast->split_bytes > 0 && !be->failure)
        weir_cuda_note(cuda,
                       weir_cuda_copy_up(cuda->stream, fast->split_device,
                                         fast->split_host[cuda->turn], fast->split_bytes),
                       "the step's lists");
    weir_cuda_results_fetch(cuda, batch);
    weir_batch on_device = *batch;
    on_device.tokens = cuda->step.tokens;
    cuda->observer = batch->observer;
    if (batch->observer)
        on_device.observer = &observer;
    return weir_compose_step(be, &on_device, err);
}

/* A step that was lost or cancelled leaves nothing behind that could still read what the next one
 * packs. */
static weir_status give_up_step(weir_cuda *cuda, weir_status status, weir_error *err) {
    weir_cuda_note(cuda, weir_cuda_wait(cuda->stream), "the end of the step");
    return cuda->host.be.failure ? fail_lost(cuda, "failed in this step", err) : status;
}

static weir_status cuda_step_begin(weir_backend *be, const weir_batch *batch, uint64_t *ticket,
                                   weir_error *err) {
    weir_cuda *cuda = weir_cuda_of(be);
    weir_status status = WEIR_STATUS_OK;
    if (be->failure)
        return fail_lost(cuda, "was lost in an earlier step", err);
    assert(cuda->n_begun - cuda->n_ended < 2);
    cuda->turn = (cuda->n_begun + 1) % 2;
    if (weir_cuda_decode_takes(cuda, batch))
        weir_cuda_decode_queue(cuda, batch);
    else
        status = compose_step(cuda, batch, err);
    if (status == WEIR_STATUS_OK && !be->failure)
        weir_cuda_results_queue(cuda, batch);
    if (status == WEIR_STATUS_OK && !be->failure)
        weir_cuda_note(cuda, weir_cuda_mark_set(cuda->marks[cuda->turn], cuda->stream),
                       "the end of the step");
    if (status != WEIR_STATUS_OK || be->failure)
        return give_up_step(cuda, status, err);
    *ticket = ++cuda->n_begun;
    return WEIR_STATUS_OK;
}

static weir_status cuda_step_wait(weir_backend *be, uint64_t ticket, weir_error *err) {
    weir_cuda *cuda = weir_cuda_of(be);
    if (be->failure)
        return fail_lost(cuda, "failed in this step", err);
    assert(ticket == cuda->n_ended + 1 && ticket <= cuda->n_begun);
    cuda->n_ended = ticket;
    if (!weir_cuda_note(cuda, weir_cuda_mark_wait(cuda->marks[ticket % 2]), "the end of the step"))
        return fail_lost(cuda, "failed in this step", err);
    weir_cuda_results_take(cuda, ticket % 2);
    return WEIR_STATUS_OK;
}

static weir_status cuda_step(weir_backend *be, const weir_batch *batch, weir_error *err) {
    uint64_t ticket;
    WEIR_TRY(cuda_step_begin(be, batch, &ticket, err));
    return cuda_step_wait(be, ticket, err);
}

/* ---- open and close ---- */

static void cuda_close(weir_backend *be) {
    weir_cuda *cuda = weir_cuda_of(be);
    if (cuda->stream)
        weir_cuda_wait(cuda->stream);
    weir_cuda_decode_close(cuda);
    for (uint32_t turn = 0; turn < 2; turn++)
        weir_cuda_mark_close(cuda->marks[turn]);
    weir_cuda_stream_close(cuda->stream);
    weir_cuda_give(cuda->weights);
    weir_cuda_give(cuda->work);
    weir_cuda_give_pinned(cuda->pinned);
    weir_arena_close(&cuda->tables);
    weir_arena_close(&cuda->watched);
    free(cuda);
}

static weir_status find_device(weir_cuda *cuda, weir_error *err) {
    int code = weir_cuda_find(&cuda->facts);
    const weir_cuda_facts *f = &cuda->facts;
    WEIR_TRY(weir_cuda_check_device(f, code, err));
    snprintf(cuda->arithmetic, sizeof cuda->arithmetic, "sm_%d%d", f->major % 100, f->minor % 10);
    return WEIR_STATUS_OK;
}

/* The stream is open and the fast part measured: what the device says of its products decides which
 * kernels run, and stands in its line. */
static weir_status ask_device(weir_cuda *cuda, weir_error *err) {
    int code = weir_cuda_fast_prove(&cuda->fast, cuda->stream, &cuda->facts);
    snprintf(cuda->describe, sizeof cuda->describe, "cuda, %s, %s%s%s", cuda->facts.name,
             cuda->arithmetic, cuda->fast.has_gemm ? "" : ", f32 activations",
             weir_cuda_fast_describe(&cuda->fast));
    return weir_cuda_fail(err, code, "the proof of wgmma");
}

weir_status weir_cuda_look(weir_device_info *out, weir_error *err) {
    weir_cuda_facts facts;
    int code = weir_cuda_find(&facts);
    const weir_cuda_facts *f = &facts;
    WEIR_TRY(weir_cuda_check_device(f, code, err));
    out->has_own_memory = true;
    out->total_bytes = f->total_bytes;
    out->free_bytes = f->free_bytes;
    snprintf(out->text, sizeof out->text,
             "%s, compute capability %d.%d, driver for CUDA %d.%d, made with CUDA %d.%d", f->name,
             f->major, f->minor, f->driver_version / 1000, f->driver_version % 1000 / 10,
             f->runtime_version / 1000, f->runtime_version % 1000 / 10);
    return WEIR_STATUS_OK;
}

weir_status weir_cuda_open(weir_backend **out, const weir_model *model,
                           const weir_backend_options *options, weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    sizes s;
    *out = NULL;
    weir_cuda *cuda = calloc(1, sizeof *cuda);
    if (!cuda)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the CUDA device: %zu bytes",
                         sizeof *cuda);
    weir_backend *be = &cuda->host.be;
    be->name = "cuda";
    be->describe = cuda->describe;
    be->arithmetic = cuda->arithmetic;
    be->model = model;
    be->options = *options;
    be->can_draw = true;
    be->step = cuda_step;
    be->step_begin = cuda_step_begin;
    be->step_wait = cuda_step_wait;
    be->close = cuda_close;
    weir_cuda_ops_install(be);
    weir_cuda_state_install(be);
    WEIR_TRY_GOTO(measure(cuda, &s, model, options, err));
    WEIR_TRY_GOTO(find_device(cuda, err));
    WEIR_TRY_GOTO(weir_cuda_fail(err, weir_cuda_stream_open(&cuda->stream), "a stream"));
    for (uint32_t turn = 0; turn < 2; turn++)
        WEIR_TRY_GOTO(weir_cuda_fail(err, weir_cuda_mark_open(&cuda->marks[turn]), "a mark"));
    WEIR_TRY_GOTO(ask_device(cuda, err)); /* before memory is taken that may be all there is */
    WEIR_TRY_GOTO(take_memory(cuda, &s, err));
    weir_arena work = {.base = cuda->work, .size = s.work},
               pinned = {.base = cuda->pinned, .size = s.pinned};
    layout(cuda, &work, &pinned, &s, model, options);
    cuda->host.arena.size = s.work + s.pinned;
    cuda->host.weights.size = s.weights;
    WEIR_TRY_GOTO(fill_memory(cuda, &s, err));
    WEIR_TRY_GOTO(weir_cuda_weights_open(cuda, model, s.weights, err));
    WEIR_TRY_GOTO(weir_cuda_decode_open(cuda, err));
    *out = be;
    return WEIR_STATUS_OK;
fail:
    cuda_close(be);
    return status;
}
