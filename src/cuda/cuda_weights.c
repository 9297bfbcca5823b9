/*
 * cuda_weights.c: brings the weights of a model and its adapters to the device.
 *
 * All numbers lie in one block, in the formats of the file, in the order of their use: rows padded
 * to 16 bytes, the experts of a stack one after the other. Weights that a folder holds in FP8 stay
 * FP8 (quant/format_f8.h) where its scales allow it; other packings come as what they unpack to.
 * The file's pages go slice by slice through two pinned buffers, so that one is filled while the
 * other is on its way, and are dropped behind it; packed rows are made in the buffer. Matrices of a
 * hollow model (model/synth_values.h) are made where they are to lie. Owns the copies of the
 * model's and the adapters' bound structs (cuda->tables) whose pointers are the device's.
 * Invariant: place_all() is the only place that says how large block and tables are, and what is
 * uploaded where.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "base/mapped_pages.h"
#include "cuda/cuda_backend.h"
#include "cuda/synth_cuda.h"
#include "model/synth_values.h"
#include "quant/format_f8.h"

#include <stdlib.h>
#include <string.h>

enum { ROW_ALIGN = 16, N_BUFFERS = 2, SLICE_BYTES = 16 << 20 };

/* The tensor that a matrix is, or is a part of. */
typedef struct place_of {
    weir_part part;
    uint32_t layer;
} place_of;

/* Where the rows of an upload come from. */
typedef enum upload_kind {
    UPLOAD_MEMORY,   /* they stand there */
    UPLOAD_MAPPED,   /* in the model's file */
    UPLOAD_UNPACKED, /* they are made of packed ones */
    UPLOAD_F8,       /* the same, into WEIR_FORMAT_F8 */
    UPLOAD_SYNTH     /* of counters, on the device */
} upload_kind;

/* Rows that have a place on the device. */
typedef struct upload {
    const uint8_t *from; /* [n_rows, from_bytes], addresses only where they are packed */
    uint8_t *to;         /* [n_rows, pitch], of which row_bytes count */
    size_t n_rows, from_bytes, row_bytes, pitch;
    upload_kind kind;
    /* UPLOAD_SYNTH: which rows of which tensor */
    const weir_format *format;
    place_of of;
    uint32_t n_cols;
    uint64_t first_row;
} upload;

/* Where things are placed, or only measured. */
typedef struct placing {
    const weir_packings *packings; /* of the model; NULL: none */
    weir_arena *device, *tables;
    upload *uploads; /* NULL: counted only */
    size_t n_uploads;
    bool is_mapped, is_hollow; /* what is placed now is in the file; its matrices are not */
} placing;

static size_t round_up(size_t n, size_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}

static void add_upload(placing *p, const upload *u) {
    if (p->uploads)
        p->uploads[p->n_uploads] = *u;
    p->n_uploads++;
}

static upload_kind kind_of(const weir_weight *w, place_of of, const placing *p) {
    if (!p->is_mapped)
        return UPLOAD_MEMORY;
    if (p->is_hollow && weir_part_get_names(of.part)->is_matrix)
        return UPLOAD_SYNTH;
    if (!p->packings || !weir_packings_own(p->packings, w->data))
        return UPLOAD_MAPPED;
    return weir_packings_is_f8(p->packings, w->data) ? UPLOAD_F8 : UPLOAD_UNPACKED;
}

/* A product over a stack has one way of decoding: FP8 if all of it is. */
static bool is_f8_stack(const weir_weight *w, uint32_t n, place_of of, const placing *p) {
    for (uint32_t i = 0; i < n; i++)
        if (kind_of(&w[i], of, p) != UPLOAD_F8)
            return false;
    return true;
}

/* n matrices of one shape, as one stack; to [n] becomes the device's copy of from. */
static void place_stack(const weir_weight *from, weir_weight *to, uint32_t n, place_of of,
                        placing *p) {
    bool is_f8 = is_f8_stack(from, n, of, p);
    const weir_format *format = is_f8 ? &weir_format_f8 : from[0].format;
    size_t row_bytes = weir_format_row_bytes(format, from[0].cols);
    size_t pitch = round_up(row_bytes, ROW_ALIGN);
    size_t stride = round_up(from[0].rows * pitch, 64); /* what the arena aligns to */
    uint8_t *data = weir_arena_take_array(p->device, n, stride);
    for (uint32_t i = 0; i < n; i++) {
        upload_kind kind = kind_of(&from[i], of, p);
        upload u = {.from = from[i].data,
                    .to = data ? data + i * stride : NULL,
                    .n_rows = from[i].rows,
                    .from_bytes = from[i].row_bytes,
                    .row_bytes = row_bytes,
                    .pitch = pitch,
                    .kind = kind == UPLOAD_F8 && !is_f8 ? UPLOAD_UNPACKED : kind,
                    .format = format,
                    .of = of,
                    .n_cols = from[i].cols,
                    .first_row = (uint64_t)i * from[i].rows};
        add_upload(p, &u);
        if (to) {
            to[i] = from[i];
            to[i].data = u.to;
            to[i].format = format;
            to[i].row_bytes = pitch;
        }
    }
}

static void place(weir_weight *w, place_of of, placing *p) {
    weir_weight from = *w;
    if (w->data && w->rows > 0)
        place_stack(&from, w, 1, of, p);
}

static const weir_weight *place_experts(const weir_weight *from, uint32_t n, place_of of,
                                        placing *p) {
    if (!from || n == 0)
        return NULL;
    weir_weight *to = weir_arena_take_array(p->tables, n, sizeof *to);
    place_stack(from, to, n, of, p);
    return to;
}

static void place_vector(const float **values, size_t n, placing *p) {
    if (!*values)
        return;
    size_t bytes = n * sizeof **values;
    float *to = weir_arena_take(p->device, bytes);
    upload u = {.from = (const uint8_t *)*values,
                .to = (uint8_t *)to,
                .n_rows = 1,
                .from_bytes = bytes,
                .row_bytes = bytes,
                .pitch = bytes};
    add_upload(p, &u);
    *values = to;
}

static void place_layer(weir_layer *l, uint32_t number, const weir_hparams *h, placing *p) {
    const struct {
        weir_weight *weight;
        weir_part part;
    } matrices[] = {{&l->conv_in, WEIR_PART_CONV_IN}, {&l->conv_out, WEIR_PART_CONV_OUT},
                    {&l->attn_q, WEIR_PART_ATTN_Q},   {&l->attn_k, WEIR_PART_ATTN_K},
                    {&l->attn_v, WEIR_PART_ATTN_V},   {&l->attn_out, WEIR_PART_ATTN_OUT},
                    {&l->router, WEIR_PART_ROUTER},   {&l->ffn_gate, WEIR_PART_FFN_GATE},
                    {&l->ffn_up, WEIR_PART_FFN_UP},   {&l->ffn_down, WEIR_PART_FFN_DOWN}};
    const struct {
        const float **values;
        size_t n;
    } vectors[] = {{&l->operator_norm, h->d_model},
                   {&l->ffn_norm, h->d_model},
                   {&l->conv_taps, (size_t)h->d_model * h->l_cache},
                   {&l->conv_in_bias, (size_t)3 * h->d_model},
                   {&l->conv_bias, h->d_model},
                   {&l->conv_out_bias, h->d_model},
                   {&l->q_norm, h->head_dim},
                   {&l->k_norm, h->head_dim},
                   {&l->expert_bias, h->n_experts}};
    const struct {
        const weir_weight **weights;
        weir_part part;
    } experts[] = {{&l->experts_gate, WEIR_PART_EXPERTS_GATE},
                   {&l->experts_up, WEIR_PART_EXPERTS_UP},
                   {&l->experts_down, WEIR_PART_EXPERTS_DOWN}};
    for (size_t i = 0; i < WEIR_COUNT(vectors); i++)
        place_vector(vectors[i].values, vectors[i].n, p);
    for (size_t i = 0; i < WEIR_COUNT(matrices); i++)
        place(matrices[i].weight, (place_of){matrices[i].part, number}, p);
    for (size_t i = 0; i < WEIR_COUNT(experts); i++)
        *experts[i].weights = place_experts(*experts[i].weights, h->n_experts,
                                            (place_of){experts[i].part, number}, p);
}

static void place_model(weir_model *copy, const weir_model *model, placing *p) {
    *copy = *model;
    p->is_mapped = true;
    p->is_hollow = model->is_hollow;
    place(&copy->embed, (place_of){.part = WEIR_PART_EMBED}, p);
    weir_layer *layers = weir_arena_take_array(p->tables, model->h.n_layers, sizeof *layers);
    for (uint32_t i = 0; i < model->h.n_layers; i++) {
        weir_layer l = model->layers[i];
        place_layer(&l, i, &model->h, p);
        if (layers)
            layers[i] = l;
    }
    copy->layers = layers;
    place_vector(&copy->final_norm, model->h.d_model, p);
    if (model->head.data == model->embed.data)
        copy->head = copy->embed;
    else
        place(&copy->head, (place_of){.part = WEIR_PART_HEAD}, p);
}

static const weir_lora_pair *place_pair(const weir_lora_pair *from, uint32_t n, place_of of,
                                        placing *p) {
    weir_lora_pair *pair = weir_arena_take(p->tables, sizeof *pair);
    const weir_weight *a = place_experts(from->a, n, of, p), *b = place_experts(from->b, n, of, p);
    if (pair)
        *pair = (weir_lora_pair){.a = a, .b = b, .rank = from->rank, .scale = from->scale};
    return pair;
}

/* Of an adapter only what compose.c asks for. */
static weir_lora *place_lora(const weir_lora *from, const weir_model *model, placing *p) {
    size_t n = (size_t)model->h.n_layers * WEIR_N_PARTS;
    weir_lora *lora = weir_arena_take(p->tables, sizeof *lora);
    const weir_lora_pair **pairs = weir_arena_take_array(p->tables, n, sizeof *pairs);
    p->is_mapped = false;
    for (size_t i = 0; i < n; i++) {
        if (!from->pairs[i])
            continue;
        place_of of = {.part = (weir_part)(i % WEIR_N_PARTS)};
        bool is_stack = weir_part_get_names(of.part)->is_stack;
        const weir_lora_pair *pair =
            place_pair(from->pairs[i], is_stack ? model->h.n_experts : 1, of, p);
        if (pairs)
            pairs[i] = pair;
    }
    if (lora) {
        lora->rank = from->rank;
        lora->pairs = pairs;
    }
    return lora;
}

static weir_lora *const *place_all(weir_model *copy, const weir_model *model,
                                   const weir_backend_options *options, placing *p) {
    place_model(copy, model, p);
    weir_lora **loras = weir_arena_take_array(p->tables, options->n_loras, sizeof *loras);
    for (uint32_t i = 0; i < options->n_loras; i++) {
        weir_lora *lora = place_lora(options->loras[i], model, p);
        if (loras)
            loras[i] = lora;
    }
    return loras;
}

static weir_status check_formats(const weir_model *model, weir_error *err) {
    for (uint32_t layer = 0; layer < model->h.n_layers; layer++)
        for (int part = 0; part < WEIR_N_PARTS; part++) {
            const weir_weight *w = weir_part_find(model, (weir_part)part, layer).weight;
            if (!w || !w->data || weir_cuda_has_format(w->format->id))
                continue;
            char name[WEIR_GGUF_NAME];
            weir_part_gguf_name(name, (weir_part)part, layer);
            return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                             "the CUDA device: %s is %s, for which it has no kernel; device 'cpu' "
                             "has one",
                             name, w->format->name);
        }
    return WEIR_STATUS_OK;
}

weir_status weir_cuda_weights_measure(size_t *device_bytes, size_t *table_bytes,
                                      const weir_model *model, const weir_backend_options *options,
                                      weir_error *err) {
    weir_model copy;
    weir_arena device = {0}, tables = {0};
    placing p = {.packings = weir_model_packings(model), .device = &device, .tables = &tables};
    WEIR_TRY(check_formats(model, err));
    place_all(&copy, model, options, &p);
    *device_bytes = device.used;
    *table_bytes = tables.used;
    return WEIR_STATUS_OK;
}

/* ---- uploading ---- */

typedef struct uploading {
    const weir_model *model; /* that is read */
    bool prefer_huge;        /* weir_model_prefer_huge */
    const weir_progress *progress;
    uint8_t *buffers[N_BUFFERS];          /* [buffer_bytes], pinned */
    weir_cuda_stream *streams[N_BUFFERS]; /* on which each of them is copied */
    size_t buffer_bytes, n_slices;
    uint64_t done_bytes, total_bytes;
} uploading;

/* Where rows of an upload are in the model's files; 0: in none. */
static size_t pieces_of(const uploading *up, const upload *u, const uint8_t *from, size_t bytes,
                        weir_packing_piece pieces[WEIR_PACKING_PIECES]) {
    if (u->kind == UPLOAD_MEMORY || u->kind == UPLOAD_SYNTH)
        return 0;
    if (u->kind != UPLOAD_MAPPED)
        return weir_packings_stored(weir_model_packings(up->model), from, bytes, pieces);
    pieces[0] = (weir_packing_piece){from, bytes};
    return 1;
}

static weir_status read_pieces(const uploading *up, const weir_packing_piece *pieces, size_t n,
                               weir_error *err) {
    int error = 0;
    for (size_t i = 0; i < n && error == 0; i++)
        error = weir_mapped_read(pieces[i].data, pieces[i].bytes, up->prefer_huge);
    if (error != 0)
        return weir_fail(err, WEIR_STATUS_IO,
                         "the weights cannot be read from their file: %s; expected %llu bytes "
                         "(was the file cut while it was open?)",
                         strerror(error), (unsigned long long)up->total_bytes);
    return WEIR_STATUS_OK;
}

static void make_row(const uploading *up, const upload *u, const uint8_t *from, uint8_t *to) {
    if (u->kind == UPLOAD_F8)
        weir_packings_row_f8(weir_model_packings(up->model), from, to);
    else if (u->kind == UPLOAD_UNPACKED)
        weir_packings_row(weir_model_packings(up->model), from, to);
    else
        memcpy(to, from, u->row_bytes);
    memset(to + u->row_bytes, 0, u->pitch - u->row_bytes);
}

/* Rows first .. first + n - 1, where they are to lie. */
static int synth_rows(const uploading *up, const upload *u, size_t first, size_t n,
                      weir_cuda_stream *stream) {
    char name[WEIR_GGUF_NAME];
    weir_synth_values v;
    weir_part_gguf_name(name, u->of.part, u->of.layer);
    weir_synth_values_open(&v, up->model->synth_seed, u->of.part, name, u->n_cols, &up->model->h,
                           u->format);
    weir_cuda_synth synth = {.seed = v.seed,
                             .stream = v.stream,
                             .format = v.format->id,
                             .scale = v.scale,
                             .offset = v.offset};
    memcpy(synth.d, v.d, sizeof synth.d);
    memcpy(synth.m, v.m, sizeof synth.m);
    memcpy(synth.e, v.e, sizeof synth.e);
    int code = weir_cuda_clear(stream, u->to + first * u->pitch, n * u->pitch);
    weir_cuda_run_synth(stream, &synth, u->n_cols, u->first_row + first, n,
                        u->to + first * u->pitch, u->pitch);
    return code != 0 ? code : weir_cuda_launched();
}

static int copy_rows(const uploading *up, const upload *u, size_t first, size_t n, uint8_t *buffer,
                     weir_cuda_stream *stream) {
    const uint8_t *from = u->from + first * u->from_bytes;
    for (size_t i = 0; i < n; i++)
        make_row(up, u, from + i * u->from_bytes, buffer + i * u->pitch);
    return weir_cuda_copy_up(stream, u->to + first * u->pitch, buffer, n * u->pitch);
}

/* Rows first .. first + n - 1, through the buffer that was used longest ago. */
static weir_status upload_slice(uploading *up, const upload *u, size_t first, size_t n,
                                weir_error *err) {
    size_t turn = up->n_slices++ % N_BUFFERS;
    const uint8_t *from = u->from + first * u->from_bytes;
    weir_packing_piece pieces[WEIR_PACKING_PIECES];
    size_t n_pieces = pieces_of(up, u, from, n * u->from_bytes, pieces);
    WEIR_TRY(weir_cuda_fail(err, weir_cuda_wait(up->streams[turn]), "weights are uploaded"));
    WEIR_TRY(read_pieces(up, pieces, n_pieces, err));
    int code = u->kind == UPLOAD_SYNTH
                   ? synth_rows(up, u, first, n, up->streams[turn])
                   : copy_rows(up, u, first, n, up->buffers[turn], up->streams[turn]);
    WEIR_TRY(weir_cuda_fail(err, code, "weights are uploaded"));
    for (size_t i = 0; i < n_pieces; i++)
        weir_model_drop_pages(up->model, pieces[i].data, pieces[i].bytes);
    up->done_bytes += n * u->row_bytes;
    if (up->progress->report)
        up->progress->report(up->progress->context, "reading weights", up->done_bytes,
                             up->total_bytes);
    return WEIR_STATUS_OK;
}

static weir_status upload_all(uploading *up, const upload *uploads, size_t n, weir_error *err) {
    for (size_t i = 0; i < n; i++) {
        const upload *u = &uploads[i];
        size_t n_most = up->buffer_bytes / u->pitch;
        for (size_t first = 0; first < u->n_rows; first += n_most) {
            size_t rest = u->n_rows - first;
            WEIR_TRY(upload_slice(up, u, first, rest < n_most ? rest : n_most, err));
        }
    }
    for (int i = 0; i < N_BUFFERS; i++)
        WEIR_TRY(weir_cuda_fail(err, weir_cuda_wait(up->streams[i]), "weights are uploaded"));
    return WEIR_STATUS_OK;
}

static weir_status open_buffers(uploading *up, const upload *uploads, size_t n, weir_error *err) {
    size_t longest_row = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        size_t bytes = uploads[i].n_rows * uploads[i].pitch;
        up->total_bytes += (uint64_t)uploads[i].n_rows * uploads[i].row_bytes;
        longest_row = uploads[i].pitch > longest_row ? uploads[i].pitch : longest_row;
        largest = bytes > largest ? bytes : largest;
    }
    up->buffer_bytes = largest < SLICE_BYTES ? largest : SLICE_BYTES;
    if (up->buffer_bytes < longest_row)
        up->buffer_bytes = longest_row;
    for (int i = 0; i < N_BUFFERS; i++) {
        void *buffer;
        WEIR_TRY(weir_cuda_fail(err, weir_cuda_take_pinned(&buffer, up->buffer_bytes),
                                "pinned memory for uploading weights"));
        up->buffers[i] = buffer;
        WEIR_TRY(weir_cuda_fail(err, weir_cuda_stream_open(&up->streams[i]), "a stream"));
    }
    return WEIR_STATUS_OK;
}

static void close_buffers(uploading *up) {
    for (int i = 0; i < N_BUFFERS; i++) {
        if (up->streams[i])
            weir_cuda_wait(up->streams[i]);
        weir_cuda_stream_close(up->streams[i]);
        weir_cuda_give_pinned(up->buffers[i]);
    }
}

weir_status weir_cuda_weights_open(weir_cuda *cuda, const weir_model *model, size_t device_bytes,
                                   weir_error *err) {
    weir_backend *be = &cuda->host.be;
    weir_status status = WEIR_STATUS_OK;
    uploading up = {.model = model, .progress = &be->options.progress};
    up.prefer_huge = weir_model_prefer_huge(model);
    weir_model copy;
    weir_arena none = {0}, no_tables = {0}, device = {.base = cuda->weights, .size = device_bytes};
    const weir_packings *packings = weir_model_packings(model);
    placing counting = {.packings = packings, .device = &none, .tables = &no_tables},
            p = {.packings = packings, .device = &device, .tables = &cuda->tables};
    place_all(&copy, model, &be->options, &counting);
    p.uploads = calloc(counting.n_uploads, sizeof *p.uploads);
    if (!p.uploads)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a list of %zu matrices",
                         counting.n_uploads);
    be->options.loras = place_all(&cuda->model, model, &be->options, &p);
    WEIR_TRY_GOTO(open_buffers(&up, p.uploads, p.n_uploads, err));
    WEIR_TRY_GOTO(upload_all(&up, p.uploads, p.n_uploads, err));
    be->model = &cuda->model;
fail:
    close_buffers(&up);
    free(p.uploads);
    return status;
}
