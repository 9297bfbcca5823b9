/*
 * host_state.c: pages and conv states of devices whose memory is ordinary memory.
 *
 * A page or a state is addressed by its number; who owns which number is the engine's business.
 */
#include "backend/backend.h"
#include "base/error.h"
#include <string.h>

static weir_host_backend *host(weir_backend *be) {
    return (weir_host_backend *)be;
}

void weir_host_state_layout(weir_host_state *state, weir_arena *arena, const weir_kv_layout *kv,
                            const weir_model *model, const weir_backend_options *options) {
    state->state_values = (size_t)model->n_layers_conv * model->h.d_model * (model->h.l_cache - 1);
    state->pages = weir_arena_take_array(arena, options->n_pages, kv->page_bytes);
    state->states =
        weir_arena_take_array(arena, options->n_states, state->state_values * sizeof(float));
}

static void page_copy(weir_backend *be, uint32_t to, uint32_t from, uint32_t n_tokens) {
    const weir_kv_layout *kv = &be->kv;
    uint8_t *t = host(be)->state.pages + to * kv->page_bytes;
    const uint8_t *f = host(be)->state.pages + from * kv->page_bytes;
    for (uint32_t a = 0; a < be->model->n_layers_attn; a++) {
        for (uint32_t head = 0; head < 2 * kv->layer_heads[a]; head++) {
            size_t at = kv->layer_at[a] + head * kv->head_bytes;
            memcpy(t + at, f + at, n_tokens * kv->vector_bytes);
        }
    }
}

static void page_read(weir_backend *be, uint32_t page, void *bytes) {
    memcpy(bytes, host(be)->state.pages + page * be->kv.page_bytes, be->kv.page_bytes);
}

static void page_write(weir_backend *be, uint32_t page, const void *bytes) {
    memcpy(host(be)->state.pages + page * be->kv.page_bytes, bytes, be->kv.page_bytes);
}

static float *state_at(weir_backend *be, uint32_t state) {
    return host(be)->state.states + state * host(be)->state.state_values;
}

static void state_copy(weir_backend *be, uint32_t to, uint32_t from) {
    memcpy(state_at(be, to), state_at(be, from), host(be)->state.state_values * sizeof(float));
}

static void state_read(weir_backend *be, uint32_t state, float *out) {
    memcpy(out, state_at(be, state), host(be)->state.state_values * sizeof(float));
}

static void state_write(weir_backend *be, uint32_t state, const float *in) {
    memcpy(state_at(be, state), in, host(be)->state.state_values * sizeof(float));
}

void weir_host_state_install(weir_backend *be) {
    be->page_copy = page_copy;
    be->page_read = page_read;
    be->page_write = page_write;
    be->state_copy = state_copy;
    be->state_read = state_read;
    be->state_write = state_write;
}

weir_status weir_host_plan(weir_backend_memory *out, const weir_model *model,
                           const weir_backend_options *options, weir_error *err) {
    weir_kv_layout kv;
    weir_scratch scratch;
    weir_arena pages = {0}, all = {0}, buffers = {0};
    WEIR_TRY(weir_kv_layout_make(&kv, model, options->kv_type, err));
    weir_host_state state;
    weir_host_state_layout(&state, &all, &kv, model, options);
    weir_arena_take_array(&pages, options->n_pages, kv.page_bytes);
    weir_compose_layout(&scratch, &buffers, model, options);
    if (all.used == SIZE_MAX || buffers.used == SIZE_MAX)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY,
                         "%u K/V pages and %u rows a step: more bytes than can be addressed",
                         options->n_pages, options->n_batch);
    *out = (weir_backend_memory){.pages_bytes = pages.used,
                                 .states_bytes = all.used - pages.used,
                                 .scratch_bytes = buffers.used,
                                 .mapped_bytes = model->info.weight_bytes};
    return WEIR_STATUS_OK;
}
