/*
 * cuda_memory_emulated.c: cuda_memory.h over ordinary memory, for kernels that run on the host.
 *
 * Launches run to their end at once, so copies to the device must too. What a real device would
 * leave open is made visible: fresh memory is poisoned; bytes copied to the host are poison until
 * the stream, or a mark behind them, is waited for; the source of a copy to the device must still
 * hold the same bytes then.
 * Owns all blocks until they are given back. One thread at a time.
 */
#include "cuda_memory_emulated.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { POISON = 0xff, ALIGN = 256, MOST_PENDING = 4096, HEAD = 256 };

typedef struct pending {
    uint8_t *to, *kept; /* a copy down: what will be at `to`, in a block of its own */
    const uint8_t *from;
    size_t bytes;
    uint64_t sum; /* a copy up: of the bytes at `from` */
} pending;

struct weir_cuda_stream {
    pending list[MOST_PENDING];
    size_t n;
    uint64_t n_done; /* that were in the list before */
};

struct weir_cuda_mark {
    weir_cuda_stream *stream; /* NULL: never set */
    uint64_t at;              /* copies of the stream before it */
};

/* Of 80 GB. */
static const weir_cuda_facts usual = {.driver_version = 13000,
                                      .runtime_version = 13000,
                                      .major = 9,
                                      .minor = 0,
                                      .total_bytes = 80000000000,
                                      .free_bytes = 79000000000,
                                      .name = "Emulated GPU"};

static emulated_machine machine;

emulated_machine *emulated_get(void) {
    return &machine;
}

void emulated_reset(void) {
    uint64_t n_taken = machine.n_taken, taken_bytes = machine.taken_bytes;
    memset(&machine, 0, sizeof machine);
    machine.n_taken = n_taken;
    machine.taken_bytes = taken_bytes;
    machine.facts = usual;
    machine.is_set = true;
}

/* A whole program has nobody who sets the machine; it can be told in the environment.
 * WEIR_EMULATED_GPU=none: no driver; small: 1 MB free; lost:N: launch N fails. */
static void set_by_environment(void) {
    const char *text = getenv("WEIR_EMULATED_GPU");
    emulated_reset();
    if (!text)
        return;
    if (strcmp(text, "none") == 0) {
        machine.find_code = WEIR_CUDA_OLD_DRIVER;
        machine.facts.driver_version = 0;
    } else if (strcmp(text, "small") == 0) {
        machine.facts.free_bytes = 1000000;
    } else if (strncmp(text, "lost:", 5) == 0) {
        machine.fail_at[EMULATED_LAUNCH] = strtoull(text + 5, NULL, 10);
        machine.fail_code[EMULATED_LAUNCH] = 719;
    }
}

static int step(emulated_call call) {
    return ++machine.n_calls[call] == machine.fail_at[call] ? machine.fail_code[call] : 0;
}

static void give_up(const char *why) {
    fprintf(stderr, "emulated device: %s\n", why);
    abort();
}

int weir_cuda_find(weir_cuda_facts *out) {
    if (!machine.is_set)
        set_by_environment();
    *out = machine.facts;
    return machine.find_code;
}

void weir_cuda_describe_error(int code, char *text, size_t cap) {
    static const struct {
        int code;
        const char *text;
    } texts[] = {{WEIR_CUDA_NO_MEMORY, "cudaErrorMemoryAllocation (out of memory)"},
                 {700, "cudaErrorIllegalAddress (an illegal memory access was encountered)"},
                 {719, "cudaErrorLaunchFailure (unspecified launch failure)"}};
    const char *found = "cudaErrorUnknown (unknown error)";
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].code == code)
            found = texts[i].text;
    snprintf(text, cap, "%s", found);
}

/* A block with its size in front of it. */
static int take(void **out, size_t bytes) {
    *out = NULL;
    int code = step(EMULATED_TAKE);
    if (code != 0)
        return code;
    uint8_t *block = aligned_alloc(ALIGN, HEAD + (bytes + ALIGN - 1) / ALIGN * ALIGN);
    if (!block)
        return WEIR_CUDA_NO_MEMORY;
    memcpy(block, &bytes, sizeof bytes);
    memset(block + HEAD, POISON, bytes);
    machine.n_taken++;
    *out = block + HEAD;
    return 0;
}

static size_t give(void *memory) {
    size_t bytes;
    if (!memory)
        return 0;
    uint8_t *block = (uint8_t *)memory - HEAD;
    memcpy(&bytes, block, sizeof bytes);
    free(block);
    machine.n_taken--;
    return bytes;
}

int weir_cuda_take(void **out, size_t bytes) {
    int code = take(out, bytes);
    machine.taken_bytes += code == 0 ? bytes : 0;
    return code;
}

void weir_cuda_give(void *memory) {
    machine.taken_bytes -= give(memory);
}

int weir_cuda_take_pinned(void **out, size_t bytes) {
    return take(out, bytes);
}

void weir_cuda_give_pinned(void *memory) {
    give(memory);
}

int weir_cuda_stream_open(weir_cuda_stream **out) {
    void *stream;
    int code = take(&stream, sizeof **out);
    *out = stream;
    if (code == 0)
        (*out)->n = (*out)->n_done = 0;
    return code;
}

void weir_cuda_stream_close(weir_cuda_stream *stream) {
    if (stream && stream->n > 0)
        give_up("a stream is closed before it was waited for");
    give(stream);
}

/* The first n that are pending. */
static void settle(weir_cuda_stream *stream, size_t n) {
    for (size_t i = 0; i < n; i++) {
        pending *p = &stream->list[i];
        if (p->kept)
            memcpy(p->to, p->kept, p->bytes);
        else if (XXH3_64bits(p->from, p->bytes) != p->sum)
            give_up("the source of a copy was changed before the stream was waited for");
        free(p->kept);
    }
    stream->n -= n;
    stream->n_done += n;
    memmove(stream->list, stream->list + n, stream->n * sizeof *stream->list);
}

int weir_cuda_wait(weir_cuda_stream *stream) {
    settle(stream, stream->n);
    return step(EMULATED_WAIT);
}

int weir_cuda_mark_open(weir_cuda_mark **out) {
    void *mark;
    int code = take(&mark, sizeof **out);
    *out = mark;
    if (code == 0)
        (*out)->stream = NULL;
    return code;
}

void weir_cuda_mark_close(weir_cuda_mark *mark) {
    give(mark);
}

int weir_cuda_mark_set(weir_cuda_mark *mark, weir_cuda_stream *stream) {
    *mark = (weir_cuda_mark){.stream = stream, .at = stream->n_done + stream->n};
    return step(EMULATED_COPY);
}

int weir_cuda_mark_wait(weir_cuda_mark *mark) {
    weir_cuda_stream *stream = mark->stream;
    if (!stream)
        give_up("a mark is waited for that was never set");
    if (mark->at > stream->n_done)
        settle(stream, (size_t)(mark->at - stream->n_done));
    return step(EMULATED_WAIT);
}

int weir_cuda_launched(void) {
    return step(EMULATED_LAUNCH);
}

static pending *next_pending(weir_cuda_stream *stream) {
    if (stream->n == MOST_PENDING)
        give_up("too many copies without a wait");
    pending *p = &stream->list[stream->n++];
    *p = (pending){0};
    return p;
}

int weir_cuda_copy_up(weir_cuda_stream *stream, void *device, const void *host, size_t bytes) {
    int code = step(EMULATED_COPY);
    if (code != 0)
        return code;
    memcpy(device, host, bytes);
    pending *p = next_pending(stream);
    p->from = host;
    p->bytes = bytes;
    p->sum = XXH3_64bits(host, bytes);
    return 0;
}

int weir_cuda_copy_down(weir_cuda_stream *stream, void *host, const void *device, size_t bytes) {
    int code = step(EMULATED_COPY);
    if (code != 0)
        return code;
    pending *p = next_pending(stream);
    p->to = host;
    p->bytes = bytes;
    p->kept = malloc(bytes);
    if (!p->kept)
        give_up("no memory for a copy");
    memcpy(p->kept, device, bytes);
    memset(host, POISON, bytes);
    return 0;
}

int weir_cuda_copy_rows(weir_cuda_stream *stream, void *to, const void *from, size_t pitch,
                        size_t width, size_t n_rows) {
    (void)stream;
    int code = step(EMULATED_COPY);
    if (code != 0)
        return code;
    if (width > pitch)
        give_up("pieces are wider than their pitch");
    for (size_t i = 0; i < n_rows; i++)
        memcpy((uint8_t *)to + i * pitch, (const uint8_t *)from + i * pitch, width);
    return 0;
}

int weir_cuda_clear(weir_cuda_stream *stream, void *device, size_t bytes) {
    (void)stream;
    int code = step(EMULATED_COPY);
    if (code == 0)
        memset(device, 0, bytes);
    return code;
}
