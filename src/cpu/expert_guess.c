/*
 * expert_guess.c: units of the next layer, read while the disk has nothing else
 * to do.
 *
 * The router of the next layer is shown the residual stream as it is now,
 * before this layer's experts and the next mixer have added to it. Of the
 * experts that are used in the end it names (weir-nano on text, 6000 tokens) 56
 * to 92 % by layer, 81 % on average; of a 24B model with random weights 59 to
 * 94 %. A step of many tokens needs no router: it will want them all.
 *
 * A guess must not cost what is known to be wanted. So it is asked for only
 * when all that the present layer wants has been, with few pieces under way
 * that the next layer may have to wait for; takes no slot of a unit that is
 * used more; and is forgotten when the next layer says itself what it wants.
 * What a guess was worth is counted in stats.
 */
#include "backend/route.h"
#include "cpu/expert_stream.h"

#include <string.h>

enum {
    TOKENS_MOST = 8,  /* each may choose other experts: of more, too much would be guessed */
    DEPTH_OF_FEW = 6, /* pieces under way for a few tokens: what a mixer's time is
                         enough for */
    USES_FOR_ALL = 4  /* uses per expert from which on all are wanted */
};

/* Marks what the router of `layer` would choose for one token. */
static void choose(const weir_expert_stream *s, const weir_cpu_kernels *k, const weir_model *model,
                   const weir_layer *layer, const float *x) {
    const weir_weight *w = &layer->router;
    int32_t experts[WEIR_MAX_EXPERTS_USED];
    float weights[WEIR_MAX_EXPERTS_USED];
    const float *rows[] = {s->guess_x};
    float *logits[] = {s->guess_logits};
    k->rms_norm(x, layer->ffn_norm, model->h.d_model, model->h.norm_eps, s->guess_x);
    k->dot[w->format->id](w->data, w->row_bytes, w->rows, rows, 1, w->cols, logits);
    weir_route_row(&model->h, layer->expert_bias, s->guess_logits, experts, weights);
    for (uint32_t j = 0; j < s->n_used; j++)
        s->guess_chosen[experts[j]] = true;
}

/* All parts of what is marked, as far as it is not on its way. */
static void list_guesses(weir_expert_stream *s, uint32_t next) {
    s->n_guesses = s->next_guess = 0;
    for (uint32_t part = 0; part < WEIR_EXPERT_PARTS; part++)
        for (uint32_t e = 0; e < s->n_experts; e++) {
            uint32_t u = (next * WEIR_EXPERT_PARTS + part) * s->n_experts + e;
            if (s->guess_chosen[e] && s->units[u].state == WEIR_EXPERT_ABSENT)
                s->guesses[s->n_guesses++] = u;
        }
}

void weir_expert_guess(weir_expert_stream *s, const weir_cpu_kernels *k, const weir_model *model,
                       const float *x, uint32_t n_tokens) {
    uint32_t next = s->layer + 1;
    if (s->layer == WEIR_EXPERT_NONE || next >= s->n_layers)
        return;
    const weir_layer *layer = &model->layers[s->first_layer + next];
    bool wants_all = (uint64_t)n_tokens * s->n_used >= (uint64_t)USES_FOR_ALL * s->n_experts;
    const weir_weight *router = &layer->router;
    bool is_packed =
        k->t16[router->format->id] && weir_t16_fits(router->format->id, router->rows, router->cols);
    if (!wants_all && (n_tokens > TOKENS_MOST || is_packed || !k->dot[router->format->id]))
        return;
    memset(s->guess_chosen, wants_all, s->n_experts * sizeof *s->guess_chosen);
    for (uint32_t r = 0; !wants_all && r < n_tokens; r++)
        choose(s, k, model, layer, x + (size_t)r * model->h.d_model);
    pthread_mutex_lock(&s->lock);
    list_guesses(s, next);
    s->guess_depth = wants_all ? s->depth : DEPTH_OF_FEW;
    weir_expert_ask_guesses(s);
    pthread_mutex_unlock(&s->lock);
}

void weir_expert_ask_guesses(weir_expert_stream *s) {
    while (s->next_guess < s->n_guesses && s->n_held_once == s->n_listed && s->n_coming == 0 &&
           s->free && s->n_under_way < s->guess_depth) {
        uint32_t u = s->guesses[s->next_guess++];
        weir_expert_unit *unit = &s->units[u], used = *unit;
        weir_expert_count(&used, 1, s->clocks[s->layer]);
        if (unit->state != WEIR_EXPERT_ABSENT || !weir_expert_take_slot(s, u, used.score))
            continue;
        unit->is_guessed = true;
        s->stats.n_guessed++;
        s->coming[(s->coming_first + s->n_coming++) % s->n_units] = u;
        weir_expert_ask(s);
    }
}
