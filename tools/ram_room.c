/* ram_room.c: see ram_room.h. Keeps nothing between calls. */
#include "ram_room.h"

#include "base/error.h"
#include "base/topology.h"
#include "console.h"
#include "packed_use.h"
#include "plan_search.h"

/* Ends of the huge pages of the engine's three blocks; text, stacks and the like that only
 * computing touches; what the program has resident besides differs a little from run to run. */
#define ENDS_BYTES     (3 * (UINT64_C(2) << 20))
#define TOUCH_BYTES    (UINT64_C(6) << 20)
#define OUTSIDE_VARIES (UINT64_C(1) << 20)

uint64_t weir_ram_left(uint64_t ram_bytes, uint64_t outside) {
    outside += ENDS_BYTES + TOUCH_BYTES;
    return ram_bytes > outside ? ram_bytes - outside : 1;
}

weir_ram weir_ram_begin(uint64_t ram_bytes, uint32_t n_lookup) {
    weir_ram ram = {.bytes = ram_bytes, .n_lookup = n_lookup};
    if (ram_bytes > 0)
        ram.program_bytes = weir_plan_resident_now().bytes;
    return ram;
}

static weir_status refuse(uint64_t ram_bytes, uint64_t outside, const weir_plan *plan,
                          weir_error *err) {
    char has[WEIR_AMOUNT_TEXT];
    uint64_t least = plan->total_bytes + outside + ENDS_BYTES + TOUCH_BYTES + OUTSIDE_VARIES;
    return weir_fail(err, WEIR_STATUS_NO_MEMORY,
                     "--ram %s: too small%s; expected at least --ram %lluMB, or a smaller context",
                     weir_bytes_text(has, ram_bytes),
                     plan->streamed_bytes > 0 ? " even with experts read from the disk"
                                              : ", and all weights of this model have to be there",
                     (unsigned long long)(least / 1000000 + 1));
}

/* The engine would refuse it too, and say that the model needs all of ram_bytes. */
static weir_status check_available(uint64_t ram_bytes, uint64_t outside,
                                   const weir_engine_options *o, const weir_plan *plan,
                                   weir_error *err) {
    char has[WEIR_AMOUNT_TEXT], wants[WEIR_AMOUNT_TEXT];
    uint64_t available = o->max_bytes > 0 ? 0 : weir_memory_available();
    if (available == 0 || plan->total_bytes <= available)
        return WEIR_STATUS_OK;
    uint64_t most = available + outside;
    return weir_fail(err, WEIR_STATUS_NO_MEMORY,
                     "--ram %s: only %s are available; expected at most --ram %lluMB",
                     weir_bytes_text(wants, ram_bytes), weir_bytes_text(has, available),
                     (unsigned long long)((most - most / 32) / 1000000));
}

weir_status weir_ram_use(weir_engine_options *o, const weir_model *model, const weir_ram *ram,
                         weir_error *err) {
    weir_plan plan;
    weir_model_info info;
    weir_stream_speed speed;
    if (ram->bytes == 0)
        return WEIR_STATUS_OK;
    weir_model_get_info(model, &info);
    WEIR_TRY(weir_plan_make(&plan, model, o, err));
    uint64_t outside = ram->program_bytes + weir_plan_header_bytes(model) +
                       plan.n_seqs * weir_plan_sampler_bytes(info.n_vocab) +
                       (ram->n_lookup > 0 ? weir_plan_drafts_bytes(plan.n_ctx, plan.n_seqs) : 0);
    o->ram_bytes = weir_ram_left(ram->bytes, outside);
    WEIR_TRY(weir_plan_make(&plan, model, o, err));
    if (plan.total_bytes > o->ram_bytes)
        return refuse(ram->bytes, outside, &plan, err);
    if (plan.streamed_bytes == 0)
        return WEIR_STATUS_OK;
    WEIR_TRY(check_available(ram->bytes, outside, o, &plan, err));
    weir_packed_tell_streamed(o);
    WEIR_TRY(weir_stream_speed_probe(&speed, model, o, err));
    weir_ram_say_speed(&speed);
    return WEIR_STATUS_OK;
}

void weir_ram_say_speed(const weir_stream_speed *s) {
    char resident[WEIR_AMOUNT_TEXT], all[WEIR_AMOUNT_TEXT], token[WEIR_AMOUNT_TEXT];
    weir_say("experts from disk: %s of %s resident, about %.1f tokens/s once "
             "that is full "
             "(%s a token at %.2f GB/s)",
             weir_bytes_text(resident, s->resident_bytes), weir_bytes_text(all, s->all_bytes),
             s->tokens_per_s, weir_bytes_text(token, (uint64_t)s->token_read_bytes),
             s->disk_bytes_per_s / 1e9);
}

void weir_ram_say_stats(const weir_engine *engine) {
    weir_engine_stats stats;
    char bytes[WEIR_AMOUNT_TEXT];
    weir_engine_get_stats(engine, &stats);
    if (stats.n_expert_uses == 0)
        return;
    weir_say("experts    %.1f %% found in memory, %s read, %llu read ahead of "
             "which %llu were "
             "needed, waited %.2f s",
             100 * (double)stats.n_expert_hits / (double)stats.n_expert_uses,
             weir_bytes_text(bytes, stats.expert_read_bytes),
             (unsigned long long)stats.n_expert_guesses,
             (unsigned long long)stats.n_expert_guesses_taken, stats.expert_wait_s);
}
