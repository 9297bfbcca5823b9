/*
 * stream_speed.c: about how fast an engine will be whose experts stay in their file.
 *
 * A token waits for what it needs and memory lacks, and then for memory: the disk and the memory
 * are measured for a moment, the bytes come from the plan. Owns nothing.
 */
#include "base/error.h"
#include "engine/devices.h"
#include "engine/engine.h"

#include <string.h>

#define DISK_SECONDS   0.3
#define MEMORY_SECONDS 0.1
#define MEMORY_BYTES   (UINT64_C(64) << 20)
#define MEMORY_LEAST   (UINT64_C(1) << 20)

uint64_t weir_stream_buffer_bytes(uint64_t cache_bytes, uint64_t ram_bytes) {
    uint64_t bytes = 2 * cache_bytes > MEMORY_BYTES ? 2 * cache_bytes : MEMORY_BYTES;
    bytes = ram_bytes / 2 < bytes ? ram_bytes / 2 : bytes;
    return bytes < MEMORY_LEAST ? MEMORY_LEAST : bytes;
}

static weir_status memory_speed(double *bytes_per_s, const weir_plan *plan,
                                const weir_engine_options *o, weir_error *err) {
    weir_machine machine;
    weir_machine_options probe = {
        .isa = o->isa, .n_threads = plan->n_threads, .seconds = -1, .only = WEIR_MACHINE_READING};
    WEIR_TRY(weir_machine_probe(&machine, &probe, err)); /* for its caches */
    probe.seconds = MEMORY_SECONDS;
    probe.buffer_bytes = weir_stream_buffer_bytes(machine.l3_bytes, o->ram_bytes);
    WEIR_TRY(weir_machine_probe(&machine, &probe, err));
    *bytes_per_s = 0;
    for (size_t i = 0; i < machine.n_teams; i++)
        for (size_t j = 0; j < WEIR_MACHINE_STREAMS; j++)
            if (machine.read_bytes_per_s[i][j] > *bytes_per_s)
                *bytes_per_s = machine.read_bytes_per_s[i][j];
    return WEIR_STATUS_OK;
}

weir_status weir_stream_speed_probe(weir_stream_speed *out, const weir_model *model,
                                    const weir_engine_options *options, weir_error *err) {
    static const weir_engine_options defaults;
    const weir_engine_options *o = options ? options : &defaults;
    const weir_device *device;
    weir_plan plan;
    memset(out, 0, sizeof *out);
    WEIR_TRY(weir_plan_make(&plan, model, o, err));
    if (plan.streamed_bytes == 0)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_device_find(&device, o->device, err));
    uint64_t cache_bytes = 0, resident_bytes = 0;
    for (size_t i = 0; i < plan.n_items; i++) {
        if (strcmp(plan.item[i].what, "experts, cached") == 0)
            cache_bytes = plan.item[i].bytes;
        if (strcmp(plan.item[i].what, "weights") == 0)
            resident_bytes = plan.item[i].bytes;
    }
    out->resident_bytes = resident_bytes + cache_bytes;
    out->all_bytes = resident_bytes + plan.streamed_bytes;
    double share = (double)cache_bytes / (double)plan.streamed_bytes;
    out->hit_share = share < 1 ? share : 1;
    out->token_read_bytes = (double)plan.streamed_token_bytes * (1 - out->hit_share);
    WEIR_TRY(device->probe_disk(&out->disk_bytes_per_s, model, DISK_SECONDS, err));
    WEIR_TRY(memory_speed(&out->memory_bytes_per_s, &plan, o, err));
    double memory_bytes = (double)resident_bytes + (double)plan.streamed_token_bytes;
    if (out->disk_bytes_per_s > 0 && out->memory_bytes_per_s > 0)
        out->tokens_per_s = 1 / (out->token_read_bytes / out->disk_bytes_per_s +
                                 memory_bytes / out->memory_bytes_per_s);
    return WEIR_STATUS_OK;
}
