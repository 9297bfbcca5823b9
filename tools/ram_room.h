/*
 * ram_room.h: --ram: the memory that the whole program may take, as an option
 * of its engine.
 *
 * What the program itself has resident, and what answers take around the
 * engine, is taken off. If the engine then reads experts from their file, what
 * that will be like is said before the wait.
 */
#ifndef WEIR_TOOLS_RAM_ROOM_H
#define WEIR_TOOLS_RAM_ROOM_H

#include "weir.h"

typedef struct weir_ram {
    uint64_t bytes;         /* of --ram; 0: it was not given */
    uint64_t program_bytes; /* what was resident before the model was opened */
    uint32_t n_lookup;      /* drafts of a step */
} weir_ram;

/* To be called before the model is opened, whose pages do not stay. */
weir_ram weir_ram_begin(uint64_t ram_bytes, uint32_t n_lookup);
/* Sets options->ram_bytes, when all else of options is set; does nothing
 * without --ram. NO_MEMORY names the --ram that would do. */
weir_status weir_ram_use(weir_engine_options *options, const weir_model *model, const weir_ram *ram,
                         weir_error *err);

/* An engine's part of ram_bytes, of which `outside` and what is not planned are
 * not its own. */
uint64_t weir_ram_left(uint64_t ram_bytes, uint64_t outside);

/* "experts from disk: 5.1 of 13.4 GB resident, about 2.3 tokens/s (...)" on
 * standard error. */
void weir_ram_say_speed(const weir_stream_speed *speed);
/* What the cache did, for --stats; nothing where no experts are read. */
void weir_ram_say_stats(const weir_engine *engine);

#endif
