/*
 * packed_file.c: header and index of a file of packed weights, written and read.
 *
 * Owns nothing. Invariant of what was parsed: every matrix has a format and a shape that have
 * strips, and lies whole, aligned and behind the one before it, inside of the file.
 */
#include "cpu/packed_weights.h"

#include "base/error.h"
#include "cpu/t16.h"

#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

static const char magic[8] = "WEIRPACK";

enum { INDEX_SUM_AT = 48, HEADER_SUM_AT = 56 };

static uint64_t get(const uint8_t *p, int n_bytes) {
    uint64_t v = 0;
    while (n_bytes-- > 0)
        v = v << 8 | p[n_bytes];
    return v;
}

static void put(uint8_t *p, uint64_t v, int n_bytes) {
    for (int i = 0; i < n_bytes; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

uint64_t weir_packed_align(uint64_t offset) {
    return (offset + WEIR_PACKED_ALIGN - 1) / WEIR_PACKED_ALIGN * WEIR_PACKED_ALIGN;
}

static uint64_t index_bytes(uint32_t n_matrices) {
    return (uint64_t)n_matrices * WEIR_PACKED_ENTRY;
}

uint64_t weir_packed_head_bytes(uint32_t n_matrices) {
    return weir_packed_align(WEIR_PACKED_HEADER + index_bytes(n_matrices));
}

uint64_t weir_packed_bytes(const weir_format *format, uint32_t rows, uint32_t cols) {
    uint64_t n_strips = rows / WEIR_T16_ROWS, strip_bytes = weir_t16_strip_bytes(format->id, cols);
    return n_strips > UINT64_MAX / strip_bytes ? UINT64_MAX : n_strips * strip_bytes;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void put_entry(uint8_t *p, const weir_packed_entry *e) {
    put(p, e->offset, 8);
    put(p + 8, e->bytes, 8);
    put(p + 16, e->sum, 8);
    put(p + 24, e->format->id, 4);
    put(p + 28, e->rows, 4);
    put(p + 32, e->cols, 4);
    put(p + 36, 0, 4);
}

void weir_packed_write_head(uint8_t *head, weir_packed_key key, const weir_packed_entry *entries,
                            uint32_t n, uint64_t file_bytes) {
    uint8_t *index = head + WEIR_PACKED_HEADER;
    memset(head, 0, (size_t)weir_packed_head_bytes(n));
    for (uint32_t i = 0; i < n; i++)
        put_entry(index + (size_t)i * WEIR_PACKED_ENTRY, &entries[i]);
    memcpy(head, magic, sizeof magic);
    put(head + 8, WEIR_PACKED_VERSION, 4);
    put(head + 12, WEIR_PACKED_STRIPS, 4);
    put(head + 16, key.word[0], 8);
    put(head + 24, key.word[1], 8);
    put(head + 32, file_bytes, 8);
    put(head + 40, n, 4);
    put(head + INDEX_SUM_AT, XXH64(index, (size_t)index_bytes(n), 0), 8);
    put(head + HEADER_SUM_AT, XXH64(head, HEADER_SUM_AT, 0), 8);
}

/* ---- reading ------------------------------------------------------------------------------- */

weir_packed_entry weir_packed_entry_at(const weir_packed_view *view, uint32_t i) {
    const uint8_t *p = view->data + WEIR_PACKED_HEADER + (size_t)i * WEIR_PACKED_ENTRY;
    return (weir_packed_entry){.offset = get(p, 8),
                               .bytes = get(p + 8, 8),
                               .sum = get(p + 16, 8),
                               .format = weir_format_by_id((uint32_t)get(p + 24, 4)),
                               .rows = (uint32_t)get(p + 28, 4),
                               .cols = (uint32_t)get(p + 32, 4)};
}

static weir_status check_version(const uint8_t *h, const char *name, weir_error *err) {
    static const struct {
        int at;
        uint32_t expected;
        const char *what;
    } versions[] = {{8, WEIR_PACKED_VERSION, "of packed files"},
                    {12, WEIR_PACKED_STRIPS, "of strips"}};
    for (size_t i = 0; i < WEIR_COUNT(versions); i++) {
        uint64_t found = get(h + versions[i].at, 4);
        if (found != versions[i].expected)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: byte %d: version %" PRIu64 " %s, expected %" PRIu32, name,
                             versions[i].at, found, versions[i].what, versions[i].expected);
    }
    return WEIR_STATUS_OK;
}

static weir_status check_header(const uint8_t *h, size_t size, bool skip_sums, const char *name,
                                weir_error *err) {
    if (size < WEIR_PACKED_HEADER || memcmp(h, magic, sizeof magic) != 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: is no file of packed weights; expected it to begin with WEIRPACK",
                         name);
    WEIR_TRY(check_version(h, name, err));
    if (!skip_sums && get(h + HEADER_SUM_AT, 8) != XXH64(h, HEADER_SUM_AT, 0))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: byte 0: the header is damaged, its checksum is another", name);
    if (get(h + 32, 8) != size)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: has %zu bytes, expected %" PRIu64, name,
                         size, get(h + 32, 8));
    return WEIR_STATUS_OK;
}

/* Matrix i, which may begin at *at; *at: where the next may. */
static weir_status check_entry(const weir_packed_view *view, uint32_t i, uint64_t size,
                               uint64_t *at, const char *name, weir_error *err) {
    weir_packed_entry e = weir_packed_entry_at(view, i);
    uint64_t place = WEIR_PACKED_HEADER + (uint64_t)i * WEIR_PACKED_ENTRY;
    if (!e.format || !weir_t16_fits(e.format->id, e.rows, e.cols))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: byte %" PRIu64 ": matrix %" PRIu32 " is %" PRIu32 " x %" PRIu32
                         " of %s, which has no strips",
                         name, place, i, e.rows, e.cols, e.format ? e.format->name : "no format");
    if (e.bytes != weir_packed_bytes(e.format, e.rows, e.cols))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: byte %" PRIu64 ": matrix %" PRIu32 " has %" PRIu64
                         " bytes, expected %" PRIu64,
                         name, place + 8, i, e.bytes, weir_packed_bytes(e.format, e.rows, e.cols));
    if (e.offset < *at || e.offset % WEIR_PACKED_ALIGN != 0 || e.offset > size ||
        e.bytes > size - e.offset)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: byte %" PRIu64 ": matrix %" PRIu32 " is said to begin at %" PRIu64
                         ", expected a page from %" PRIu64 " on, inside of %" PRIu64 " bytes",
                         name, place, i, e.offset, *at, size);
    *at = e.offset + e.bytes;
    return WEIR_STATUS_OK;
}

weir_status weir_packed_parse(weir_packed_view *out, const uint8_t *data, size_t size,
                              bool skip_sums, const char *name, weir_error *err) {
    WEIR_TRY(check_header(data, size, skip_sums, name, err));
    *out = (weir_packed_view){.data = data,
                              .key = {{get(data + 16, 8), get(data + 24, 8)}},
                              .n_matrices = (uint32_t)get(data + 40, 4)};
    uint64_t at = weir_packed_head_bytes(out->n_matrices);
    if (at > size)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: byte 40: %" PRIu32 " matrices in %zu bytes; not even their list fits",
                         name, out->n_matrices, size);
    const uint8_t *index = data + WEIR_PACKED_HEADER;
    if (!skip_sums &&
        get(data + INDEX_SUM_AT, 8) != XXH64(index, (size_t)index_bytes(out->n_matrices), 0))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: byte %d: the list of matrices is damaged, its checksum is another",
                         name, WEIR_PACKED_HEADER);
    for (uint32_t i = 0; i < out->n_matrices; i++)
        WEIR_TRY(check_entry(out, i, size, &at, name, err));
    return WEIR_STATUS_OK;
}
