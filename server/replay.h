/*
 * replay.h: what the model wrote when it made tool calls, kept under the unguessable ids that the
 * client got, so that the next turn's prompt has the very tokens that were drawn. Bounded: the
 * oldest are forgotten, and then calls are written anew from their fields. Any thread.
 */
#ifndef WEIR_SERVER_REPLAY_H
#define WEIR_SERVER_REPLAY_H

#include "weir.h"

typedef struct weir_replay weir_replay;

/* max_bytes 0: 64 MiB. NULL without memory. */
weir_replay *weir_replay_open(size_t max_bytes);
void weir_replay_close(weir_replay **replay);
/* id: of the first call of an answer; raw [n]: the whole answer. Copied. */
void weir_replay_put(weir_replay *replay, const char *id, const char *raw, size_t n);
/* A copy for the caller to free; NULL: unknown. */
char *weir_replay_get(weir_replay *replay, const char *id, size_t *n);

#endif
