/*
 * test_numa.c: on a machine with several memory nodes, that each node's part of the packed matrices
 * lies on that node, and that the bits are those of one thread. Elsewhere it is skipped;
 * scripts/test_numa.sh runs it in an emulated machine of two nodes.
 */
#include "base/random.h"
#include "base/topology.h"
#include "cpu/cpu.h"
#include "cpu/cpu_backend.h"
#include "kernels/small_model.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { N_ROWS = 33, EXIT_SKIPPED = 77 };

static const small_spec spec = {.d_model = 1024,
                                .n_heads = 16,
                                .n_heads_kv = 8,
                                .head_dim = 64,
                                .d_ff = 4096,
                                .n_experts = 8,
                                .n_used = 2,
                                .d_ff_expert = 1024,
                                .l_cache = 3,
                                .n_vocab = 32768,
                                .format = WEIR_FORMAT_Q4_0,
                                .seed = 5};

static int fail(const char *what) {
    printf("failed: %s\n", what);
    return 1;
}

static weir_backend *open_device(const weir_model *model, uint32_t n_threads, bool no_pin) {
    weir_error err = {0};
    weir_backend *be = NULL;
    const weir_backend_options options = {.activations = WEIR_ACTIVATIONS_Q8,
                                          .kv_type = WEIR_KV_F16,
                                          .n_threads = n_threads,
                                          .n_pages = 4,
                                          .n_states = 4,
                                          .n_batch = N_ROWS,
                                          .n_chunks = 1,
                                          .n_out = N_ROWS,
                                          .no_pin = no_pin};
    if (weir_cpu_open(&be, model, &options, &err) != WEIR_STATUS_OK)
        printf("%s\n", err.text);
    return be;
}

/* Logits [N_ROWS, n_vocab] of a timeline of N_ROWS tokens: together, or one after the other. */
static bool run(weir_backend *be, uint32_t n_together, float *logits) {
    static const uint32_t pages[] = {1};
    uint32_t n_vocab = be->model->h.n_vocab;
    for (uint32_t at = 0; at < N_ROWS; at += n_together) {
        int32_t tokens[N_ROWS];
        uint32_t pos[N_ROWS], out[N_ROWS];
        float *to[N_ROWS];
        weir_error err = {0};
        weir_rows chunk = {.n_rows = n_together,
                           .first_pos = at,
                           .pages = pages,
                           .state_in = at ? at % 2 : WEIR_NO_STATE,
                           .state_out = 1 - at % 2};
        for (uint32_t i = 0; i < n_together; i++) {
            tokens[i] = (int32_t)(weir_mix64(1, 2, at + i) % n_vocab);
            pos[i] = at + i;
            out[i] = i;
            to[i] = logits + (size_t)(at + i) * n_vocab;
        }
        weir_batch batch = {.n_rows = n_together,
                            .n_chunks = 1,
                            .n_out = n_together,
                            .tokens = tokens,
                            .pos = pos,
                            .chunks = &chunk,
                            .out_rows = out,
                            .logits = to};
        if (weir_backend_step(be, &batch, &err) != WEIR_STATUS_OK) {
            printf("%s\n", err.text);
            return false;
        }
    }
    return true;
}

/* Of the pages of a node's part that are in memory, how many are on that node? */
static int check_part(const weir_cpu *cpu, uint32_t number, int node) {
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), n = cpu->part_bytes / page_bytes;
    size_t n_here = 0, n_touched = 0;
    void **pages = calloc(n, sizeof *pages);
    int *status = calloc(n, sizeof *status);
    if (!pages || !status)
        return fail("no memory");
    for (size_t i = 0; i < n; i++)
        pages[i] = (void *)(uintptr_t)(cpu->parts + number * cpu->part_bytes + i * page_bytes);
    if (syscall(SYS_move_pages, 0, n, pages, NULL, status, 0) != 0) {
        printf("skipped: the system does not say where pages are: %s\n", strerror(errno));
        exit(EXIT_SKIPPED); /* containers often forbid it */
    }
    for (size_t i = 0; i < n; i++) {
        n_touched += status[i] >= 0;
        n_here += status[i] == node;
    }
    free(pages);
    free(status);
    printf("part %u: %zu of %zu pages are on node %d\n", (unsigned)number, n_here, n_touched, node);
    /* A thread that the system moved while it packed leaves a few elsewhere. */
    return n_touched * 2 < n || n_here < n_touched / 50 * 49 ? fail("others are not") : 0;
}

static int check_places(const weir_cpu *cpu, const weir_topology *t) {
    for (uint32_t number = 0; number < cpu->n_nodes; number++) {
        uint32_t worker = 0;
        while (cpu->threads[worker].node != number)
            worker++;
        if (check_part(cpu, number, t->node[worker]) != 0)
            return 1;
    }
    return 0;
}

static int check(const weir_model *model, const weir_topology *t) {
    size_t n = (size_t)N_ROWS * spec.n_vocab;
    float *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got);
    weir_backend *one = open_device(model, 1, true);
    weir_backend *all = open_device(model, t->n_threads, false);
    if (!want || !got || !one || !all)
        return fail("no devices");
    printf("%s\n", all->describe);
    const weir_cpu *cpu = weir_cpu_of(all);
    if (cpu->n_nodes != t->n_nodes || !cpu->parts)
        return fail("the weights are not divided");
    if (check_places(cpu, t) != 0 || !run(one, N_ROWS, want))
        return 1;
    for (uint32_t n_together = N_ROWS; n_together > 0; n_together /= N_ROWS)
        if (!run(all, n_together, got) || memcmp(got, want, n * sizeof *got) != 0)
            return fail("the bits are others than those of one thread");
    one->close(one);
    all->close(all);
    free(want);
    free(got);
    return 0;
}

int main(void) {
    static weir_topology t;
    weir_topology_read(&t);
    if (weir_workers_nodes(t.n_threads, true, NULL) == 1) {
        printf("skipped: the threads are on one memory node; scripts/test_numa.sh makes two\n");
        return EXIT_SKIPPED;
    }
    small_model small;
    small_model_open(&small, &spec);
    int failed = check(&small.model, &t);
    small_model_close(&small);
    if (!failed)
        printf("passed\n");
    return failed;
}
