/*
 * packed_key.c: what says that a file of packed weights was made of this model and of nothing else.
 *
 * Size and time of change of each of the model's files, the bytes in front of their tensors
 * (metadata and table of tensors), and of every tensor its beginning, its end and two places
 * between: a matrix that was trained, merged or quantized anew differs in any of them. Neither half
 * is enough alone: a file can be rewritten within the same tick of its clock, and a tensor changed
 * at one spot that is not looked at changes its file's time. Where the files lie and what they are
 * called does not count. Owns nothing.
 */
#include "cpu/packed_weights.h"

#include "base/error.h"
#include "base/mapped_pages.h"
#include "base/random.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

enum {
    WHOLE_BYTES = 4096, /* of tensors that are not larger all counts */
    PLACE_BYTES = 64,
    N_PLACES = 4, /* of larger ones: the first, the last and two inside */
    READ_WHOLE_BYTES = N_PLACES * 4096
};

/* The key so far and the hash of the next piece are hashed together. */
static void add(weir_packed_key *key, const void *data, size_t n) {
    XXH128_hash_t hash = XXH3_128bits(data, n);
    const uint64_t chain[] = {key->word[0], key->word[1], hash.low64, hash.high64};
    hash = XXH3_128bits(chain, sizeof chain);
    *key = (weir_packed_key){{hash.low64, hash.high64}};
}

/* The first tensor of a file, in the order of the list. */
static bool is_first_of_file(const weir_gguf *gguf, size_t i) {
    const uint8_t *file = weir_gguf_tensor_at(gguf, i)->data - weir_gguf_tensor_at(gguf, i)->offset;
    for (size_t j = i; j-- > 0;) {
        const weir_tensor *t = weir_gguf_tensor_at(gguf, j);
        if (t->data - t->offset == file)
            return false;
    }
    return true;
}

static weir_status add_file(weir_packed_key *key, const weir_gguf *gguf, size_t first,
                            weir_error *err) {
    const weir_tensor *of = weir_gguf_tensor_at(gguf, first);
    const uint8_t *file = of->data - of->offset;
    uint64_t header_bytes = of->offset;
    struct stat st;
    if (!of->path)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "the model is in no file; expected one that was opened from a GGUF file");
    if (stat(of->path, &st) != 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot be examined: %s", of->path,
                         strerror(errno));
    for (size_t i = first; i < weir_gguf_n_tensors(gguf); i++) {
        const weir_tensor *t = weir_gguf_tensor_at(gguf, i);
        if (t->data - t->offset == file && t->offset < header_bytes)
            header_bytes = t->offset;
    }
    const uint64_t facts[] = {(uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec,
                              (uint64_t)st.st_mtim.tv_nsec, header_bytes};
    add(key, facts, sizeof facts);
    add(key, file, (size_t)header_bytes);
    return WEIR_STATUS_OK;
}

/* Place i < N_PLACES of a large tensor, the tensor of that number. */
static const uint8_t *place_of(const weir_tensor *t, uint64_t number, uint64_t i) {
    uint64_t room = t->bytes - PLACE_BYTES;
    if (i < 2)
        return t->data + (i == 0 ? 0 : room);
    return t->data + weir_mix64(t->bytes, number, i - 2) % room;
}

/* Lets the disk read all that will be looked at: one or two thousand pages from all over the file,
 * which took 2 s of a 24B's start when each was waited for in its turn. */
static void want_places(const weir_gguf *gguf) {
    for (size_t i = 0; i < weir_gguf_n_tensors(gguf); i++) {
        const weir_tensor *t = weir_gguf_tensor_at(gguf, i);
        if (t->bytes <= READ_WHOLE_BYTES) {
            weir_mapped_want(t->data, (size_t)t->bytes);
            continue;
        }
        for (uint64_t j = 0; j < N_PLACES; j++)
            weir_mapped_want(place_of(t, i, j), PLACE_BYTES);
    }
}

/* The pages around the places go back: the system maps more of them than were asked for, and an
 * engine that maps packed weights would keep them for nothing. */
static void add_places(weir_packed_key *key, const weir_model *model, const weir_tensor *t,
                       uint64_t number) {
    uint8_t places[N_PLACES * PLACE_BYTES];
    if (t->bytes <= WHOLE_BYTES) {
        add(key, t->data, (size_t)t->bytes);
        return;
    }
    for (uint64_t i = 0; i < N_PLACES; i++)
        memcpy(places + i * PLACE_BYTES, place_of(t, number, i), PLACE_BYTES);
    add(key, places, sizeof places);
    weir_model_drop_pages(model, t->data, (size_t)t->bytes);
}

weir_status weir_packed_key_of(weir_packed_key *out, const weir_model *model, weir_error *err) {
    const weir_gguf *gguf = model->source ? weir_model_gguf(model) : NULL;
    if (!gguf)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "only the weights of GGUF files can be packed; expected one, or `weir "
                         "convert` first");
    if (model->is_hollow)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "the model's file has no weights, only the seed they are made from");
    weir_packed_key key = {{0, 0}};
    want_places(gguf);
    add(&key, &model->fingerprint, sizeof model->fingerprint);
    for (size_t i = 0; i < weir_gguf_n_tensors(gguf); i++) {
        if (is_first_of_file(gguf, i))
            WEIR_TRY(add_file(&key, gguf, i, err));
        add_places(&key, model, weir_gguf_tensor_at(gguf, i), i);
    }
    *out = key;
    return WEIR_STATUS_OK;
}
