/*
 * expert_probe.c: how fast the disk gives experts, before an engine has to wait
 * for them.
 *
 * The reads are those of a device (expert_stream.c): as large, as many at once,
 * past the page cache, at places drawn by chance. Owns its buffers and its
 * descriptor for as long as it measures.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "cpu/cpu.h"
#include "cpu/expert_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, PIECE_BYTES = 1 << 20, DEPTH = 24 };

typedef struct probing {
    const weir_model *model;
    weir_expert_file file;
    weir_read_queue *queue;
    size_t piece_bytes;
    uint8_t *buffers; /* [DEPTH, piece_bytes + 2 PAGE_BYTES] */
    weir_read reads[DEPTH];
    uint64_t seed, n_drawn;
} probing;

static size_t round_up_page(size_t n) {
    return (n + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

/* The first bytes of an expert's matrix. Those that lie in another file of the
 * model are taken for the same place of this one: only its speed is asked for.
 */
static weir_status place_read(probing *p, weir_read *read, weir_error *err) {
    const weir_hparams *h = &p->model->h;
    uint64_t dice = weir_mix64(p->seed, 1, p->n_drawn++);
    uint32_t n_moe = h->n_layers - h->n_layers_dense;
    const weir_layer *layer = &p->model->layers[h->n_layers_dense + dice % n_moe];
    const weir_weight *const parts[] = {layer->experts_gate, layer->experts_up,
                                        layer->experts_down};
    const weir_weight *w = &parts[dice / n_moe % WEIR_EXPERT_PARTS][(dice >> 32) % h->n_experts];
    size_t bytes = w->rows * w->row_bytes;
    const char *path;
    uint64_t at;
    WEIR_TRY(weir_expert_place(&path, &at, p->model, w, err));
    bytes = bytes < p->piece_bytes ? bytes : p->piece_bytes;
    read->file = p->file.file;
    read->at = at / PAGE_BYTES * PAGE_BYTES;
    read->bytes = (uint32_t)round_up_page((size_t)(at - read->at) + bytes);
    read->least = 0;
    weir_read *one = read;
    weir_read_queue_submit(p->queue, &one, 1);
    return WEIR_STATUS_OK;
}

static weir_status measure(probing *p, double *bytes_per_s, double seconds, weir_error *err) {
    double begin_s = weir_clock_s(), now_s = begin_s;
    uint64_t n_bytes = 0;
    weir_read *read;
    for (size_t i = 0; i < DEPTH; i++) {
        p->reads[i].to = p->buffers + i * (p->piece_bytes + 2 * PAGE_BYTES);
        WEIR_TRY(place_read(p, &p->reads[i], err));
    }
    while ((read = weir_read_queue_take(p->queue, true)) != NULL) {
        if (read->error != 0)
            return weir_fail(err, WEIR_STATUS_IO, "%s: byte %llu cannot be read: %s", p->file.path,
                             (unsigned long long)read->at,
                             read->error > 0 ? strerror(read->error) : "the file ends before it");
        n_bytes += read->n_read;
        now_s = weir_clock_s();
        if (now_s - begin_s < seconds)
            WEIR_TRY(place_read(p, read, err));
    }
    *bytes_per_s = now_s > begin_s ? (double)n_bytes / (now_s - begin_s) : 0;
    return WEIR_STATUS_OK;
}

weir_status weir_cpu_disk_probe(double *bytes_per_s, const weir_model *model, double seconds,
                                weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    uint64_t at;
    *bytes_per_s = 0;
    if (model->h.n_experts == 0)
        return WEIR_STATUS_OK;
    probing p = {.model = model, .file = {.file = -1}, .seed = (uint64_t)(weir_clock_s() * 1e9)};
    const weir_layer *first = &model->layers[model->h.n_layers_dense];
    size_t bytes = first->experts_gate->rows * first->experts_gate->row_bytes;
    p.piece_bytes = bytes < PIECE_BYTES ? round_up_page(bytes) : PIECE_BYTES;
    WEIR_TRY(weir_expert_place(&p.file.path, &at, model, first->experts_gate, err));
    WEIR_TRY_GOTO(weir_expert_file_open(&p.file, err));
    WEIR_TRY_GOTO(weir_read_queue_open(&p.queue, DEPTH, WEIR_READ_ANY, err));
    if (posix_memalign((void **)&p.buffers, PAGE_BYTES, DEPTH * (p.piece_bytes + 2 * PAGE_BYTES)) !=
        0) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to read %s", p.file.path);
        goto fail;
    }
    status = measure(&p, bytes_per_s, seconds, err);
fail:
    weir_read_queue_close(&p.queue);
    free(p.buffers);
    if (p.file.file >= 0)
        close(p.file.file);
    return status;
}
