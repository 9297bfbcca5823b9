/*
 * expert_files.c: the files that experts are read from, and where in them each
 * matrix begins.
 *
 * Owns the descriptors from open to close. The model maps its files itself and
 * keeps no descriptor, so a file is opened again by its name; that it is still
 * the same is proved by comparing the beginnings of what is to be read with
 * what is mapped. From then on a changed size or time is taken for changed
 * contents: half of an expert of yesterday and half of one of today must never
 * meet in a product.
 */
#include "base/error.h"
#include "base/mapped_pages.h"
#include "cpu/expert_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, SAMPLE_BYTES = 512 };

/* The tensor whose mapped bytes hold `data`; NULL: a model that was built by
 * hand. */
static const weir_tensor *tensor_of(const weir_model *model, const uint8_t *data) {
    const weir_gguf *gguf = model->source ? weir_model_gguf(model) : NULL;
    const weir_safetensors *folder = model->source ? weir_model_safetensors(model) : NULL;
    size_t n = gguf ? weir_gguf_n_tensors(gguf) : folder ? weir_safetensors_n_tensors(folder) : 0;
    for (size_t i = 0; i < n; i++) {
        const weir_tensor *t = gguf ? weir_gguf_tensor_at(gguf, i) : weir_safetensors_at(folder, i);
        if (data >= t->data && data < t->data + t->bytes)
            return t;
    }
    return NULL;
}

weir_status weir_expert_place(const char **path, uint64_t *at, const weir_model *model,
                              const weir_weight *w, weir_error *err) {
    const weir_tensor *t = tensor_of(model, w->data);
    if (!t || !t->path)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "the model's experts are in no file; expected a model that was opened "
                         "from one");
    *path = t->path;
    *at = t->offset + (uint64_t)(w->data - t->data);
    return WEIR_STATUS_OK;
}

/* Direct reads, where the file system has them and its blocks divide our pages.
 */
static bool open_direct(weir_expert_file *f) {
    uint8_t *page = NULL;
    f->file = open(f->path, O_RDONLY | O_CLOEXEC | O_DIRECT);
    if (f->file < 0)
        return false;
    f->is_direct = posix_memalign((void **)&page, PAGE_BYTES, PAGE_BYTES) == 0 &&
                   pread(f->file, page, PAGE_BYTES, 0) > 0;
    free(page);
    if (f->is_direct)
        return true;
    close(f->file);
    f->file = -1;
    return false;
}

weir_status weir_expert_file_open(weir_expert_file *f, weir_error *err) {
    if (!open_direct(f))
        f->file = open(f->path, O_RDONLY | O_CLOEXEC);
    if (f->file < 0 || fstat(f->file, &f->was) != 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot be opened to read experts: %s", f->path,
                         strerror(errno));
    if (!f->is_direct) /* reading ahead would only fill the memory that is to be saved */
        posix_fadvise(f->file, 0, 0, POSIX_FADV_RANDOM);
    return WEIR_STATUS_OK;
}

/* The file of that name, opened if it is met for the first time. */
static weir_status find_file(uint32_t *number, weir_expert_stream *s, const char *path,
                             weir_error *err) {
    for (uint32_t i = 0; i < s->n_files; i++)
        if (strcmp(s->files[i].path, path) == 0) {
            *number = i;
            return WEIR_STATUS_OK;
        }
    if (s->n_files == s->n_layers * WEIR_EXPERT_PARTS)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "%s: experts lie in more than %u files; expected fewer, larger ones", path,
                         s->n_files);
    weir_expert_file *f = &s->files[s->n_files];
    *number = s->n_files++;
    *f = (weir_expert_file){.path = path, .file = -1};
    return weir_expert_file_open(f, err);
}

/* Are the first bytes of a matrix in the file those that are mapped? */
static weir_status compare(const weir_expert_file *f, uint64_t at, const uint8_t *mapped, size_t n,
                           weir_error *err) {
    enum { SPAN = 2 * PAGE_BYTES };
    uint8_t *span = NULL;
    uint64_t begin = at / PAGE_BYTES * PAGE_BYTES;
    size_t skip = (size_t)(at - begin);
    n = n < SAMPLE_BYTES ? n : SAMPLE_BYTES;
    if (posix_memalign((void **)&span, PAGE_BYTES, SPAN) != 0)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a page of %s", f->path);
    ssize_t got = pread(f->file, span, SPAN, (off_t)begin);
    int error = got < 0 ? errno : weir_mapped_read(mapped, n, false);
    bool is_same = error == 0 && (size_t)got >= skip + n && memcmp(span + skip, mapped, n) == 0;
    free(span);
    if (error != 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: experts at byte %llu cannot be read: %s",
                         f->path, (unsigned long long)at, strerror(error));
    return is_same ? WEIR_STATUS_OK
                   : weir_fail(err, WEIR_STATUS_BAD_FILE,
                               "%s: byte %llu is not what it was when the model was opened; "
                               "expected the same file",
                               f->path, (unsigned long long)at);
}

static weir_status find_unit(weir_expert_stream *s, uint32_t u, const weir_weight *w,
                             weir_error *err) {
    weir_expert_unit *unit = &s->units[u];
    const char *path;
    if ((uint64_t)w->rows * w->row_bytes > UINT32_MAX)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "a matrix of an expert has %llu bytes; --ram reads those below 4 GiB",
                         (unsigned long long)((uint64_t)w->rows * w->row_bytes));
    WEIR_TRY(weir_expert_place(&path, &unit->at, s->model, w, err));
    uint32_t n_files = s->n_files;
    WEIR_TRY(find_file(&unit->file, s, path, err));
    /* One of each part of each layer, and of each file. */
    if (u % s->n_experts != 0 && s->n_files == n_files)
        return WEIR_STATUS_OK;
    return compare(&s->files[unit->file], unit->at, w->data, w->rows * w->row_bytes, err);
}

weir_status weir_expert_files_open(weir_expert_stream *s, weir_error *err) {
    uint32_t u = 0;
    for (uint32_t l = 0; l < s->n_layers; l++) {
        const weir_layer *layer = &s->model->layers[s->first_layer + l];
        const weir_weight *const parts[] = {layer->experts_gate, layer->experts_up,
                                            layer->experts_down};
        for (uint32_t part = 0; part < WEIR_EXPERT_PARTS; part++)
            for (uint32_t e = 0; e < s->n_experts; e++, u++)
                WEIR_TRY(find_unit(s, u, &parts[part][e], err));
    }
    return WEIR_STATUS_OK;
}

void weir_expert_files_close(weir_expert_stream *s) {
    for (uint32_t i = 0; i < s->n_files; i++)
        if (s->files[i].file >= 0)
            close(s->files[i].file);
    s->n_files = 0;
}

weir_status weir_expert_files_check(const weir_expert_stream *s, weir_error *err) {
    for (uint32_t i = 0; i < s->n_files; i++) {
        const weir_expert_file *f = &s->files[i];
        struct stat now;
        if (fstat(f->file, &now) != 0)
            return weir_fail(err, WEIR_STATUS_IO, "%s: %s", f->path, strerror(errno));
        if (now.st_size != f->was.st_size || now.st_mtim.tv_sec != f->was.st_mtim.tv_sec ||
            now.st_mtim.tv_nsec != f->was.st_mtim.tv_nsec)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: the file was changed while its experts were being read from it "
                             "(%lld bytes, expected %lld)",
                             f->path, (long long)now.st_size, (long long)f->was.st_size);
    }
    return WEIR_STATUS_OK;
}
