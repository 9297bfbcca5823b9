/*
 * page_store.c: see page_store.h.
 *
 *   offset  bytes  a page file, little-endian
 *        0      8  "WEIRPAGE"
 *        8      4  version, 1
 *       12      4  tokens, 64
 *       16     16  key
 *       32    256  the page's tokens, int32
 *      288      8  bytes of the page
 *      296      8  XXH64 of bytes 0 .. 295
 *      304         the page, then its XXH64 (8 bytes)
 *
 * Pages stand under FOLDER/pages, named by 32 hex digits of their key and ".kv". A name that is
 * none of ours is left alone.
 */
#include "engine/page_store.h"

#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    VERSION = 2, /* raised too when steps of the same name come to compute other bits */
    TOKENS_AT = 32,
    BYTES_AT = TOKENS_AT + 4 * WEIR_PAGE_TOKENS,
    HEADER_SUM_AT = BYTES_AT + 8,
    HEADER_BYTES = HEADER_SUM_AT + 8,
    SUM_BYTES = 8,
    KEY_DIGITS = 32,
    NAME_BYTES = KEY_DIGITS + sizeof ".kv",
    LEAST_SLOTS = 64
};

static const char magic[8] = "WEIRPAGE";

typedef struct entry {
    weir_page_key key;
    uint64_t bytes; /* of its file; 0: the slot is free */
    uint64_t used;  /* when it was last written or read: the order counts */
} entry;

struct weir_page_store {
    char *folder;
    uint64_t max_bytes;
    size_t page_bytes;
    uint8_t *file; /* [HEADER_BYTES + page_bytes + SUM_BYTES] under construction */
    entry *slot;   /* [n_slots] open addressing, a power of two; at most half are taken */
    size_t n_slots;
    uint64_t tick;
    weir_page_store_stats stats;
};

static uint64_t get_u64(const uint8_t *p) {
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static void put(uint8_t *p, uint64_t v, int n_bytes) {
    for (int i = 0; i < n_bytes; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

/* ---- what is known ------------------------------------------------------------------------ */

static bool equal(weir_page_key a, weir_page_key b) {
    return a.word[0] == b.word[0] && a.word[1] == b.word[1];
}

/* Where the key is, or where it would be. */
static entry *find(const weir_page_store *s, weir_page_key key) {
    size_t i = (size_t)key.word[0] & (s->n_slots - 1);
    while (s->slot[i].bytes > 0 && !equal(s->slot[i].key, key))
        i = (i + 1) & (s->n_slots - 1);
    return &s->slot[i];
}

static bool grow(weir_page_store *s) {
    weir_page_store larger = *s;
    if (2 * (s->stats.n_files + 1) <= s->n_slots)
        return true;
    larger.n_slots = s->n_slots ? 2 * s->n_slots : LEAST_SLOTS;
    larger.slot = calloc(larger.n_slots, sizeof *larger.slot);
    if (!larger.slot)
        return false;
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slot[i].bytes > 0)
            *find(&larger, s->slot[i].key) = s->slot[i];
    free(s->slot);
    s->slot = larger.slot;
    s->n_slots = larger.n_slots;
    return true;
}

/* Takes a slot out; those behind it that were pushed on move up. */
static void drop(weir_page_store *s, entry *gone) {
    size_t hole = (size_t)(gone - s->slot), mask = s->n_slots - 1;
    s->stats.n_files--;
    s->stats.bytes -= gone->bytes;
    for (size_t i = (hole + 1) & mask; s->slot[i].bytes > 0; i = (i + 1) & mask) {
        size_t home = (size_t)s->slot[i].key.word[0] & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        s->slot[hole] = s->slot[i];
        hole = i;
    }
    s->slot[hole].bytes = 0;
}

static char *path_of(const weir_page_store *s, weir_page_key key) {
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%016llx%016llx.kv", (unsigned long long)key.word[1],
             (unsigned long long)key.word[0]);
    return weir_path_join(s->folder, name);
}

static void take_away(weir_page_store *s, entry *e) {
    char *path = path_of(s, e->key);
    if (path)
        unlink(path); /* another process may have been quicker */
    free(path);
    drop(s, e);
}

/* Longest unused first, until `bytes` more fit. */
static void make_room(weir_page_store *s, uint64_t bytes) {
    while (s->stats.n_files > 0 && s->stats.bytes + bytes > s->max_bytes) {
        entry *oldest = NULL;
        for (size_t i = 0; i < s->n_slots; i++)
            if (s->slot[i].bytes > 0 && (!oldest || s->slot[i].used < oldest->used))
                oldest = &s->slot[i];
        take_away(s, oldest);
    }
}

/* ---- open and close ----------------------------------------------------------------------- */

static bool read_name(const char *name, weir_page_key *key) {
    char digits[17] = {0};
    if (strlen(name) != NAME_BYTES - 1 || strcmp(name + KEY_DIGITS, ".kv") != 0 ||
        strspn(name, "0123456789abcdef") != KEY_DIGITS)
        return false;
    for (int i = 0; i < 2; i++) {
        memcpy(digits, name + 16 * i, 16);
        key->word[1 - i] = strtoull(digits, NULL, 16);
    }
    return true;
}

static weir_status add_file(weir_page_store *s, int folder, const char *name, weir_error *err) {
    weir_page_key key;
    struct stat info;
    if (weir_is_temporary_name(name)) {
        unlinkat(folder, name, 0); /* of a program that was killed */
        return WEIR_STATUS_OK;
    }
    if (!read_name(name, &key) || fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(info.st_mode) || info.st_size <= 0)
        return WEIR_STATUS_OK;
    if (!grow(s))
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of stored pages");
    /* Nanoseconds since 1970: ticks of this process come later than any. */
    uint64_t used = (uint64_t)info.st_mtim.tv_sec * 1000000000 + (uint64_t)info.st_mtim.tv_nsec;
    *find(s, key) = (entry){.key = key, .bytes = (uint64_t)info.st_size, .used = used};
    s->tick = used > s->tick ? used : s->tick;
    s->stats.n_files++;
    s->stats.bytes += (uint64_t)info.st_size;
    return WEIR_STATUS_OK;
}

static weir_status scan(weir_page_store *s, weir_error *err) {
    DIR *folder = opendir(s->folder);
    if (!folder)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot be read: %s", s->folder, strerror(errno));
    weir_status status = WEIR_STATUS_OK;
    for (struct dirent *d; status == WEIR_STATUS_OK && (d = readdir(folder)) != NULL;)
        status = add_file(s, dirfd(folder), d->d_name, err);
    closedir(folder);
    return status;
}

weir_status weir_page_store_open(weir_page_store **out, const char *folder, uint64_t max_bytes,
                                 size_t page_bytes, weir_error *err) {
    static const uint64_t default_bytes = UINT64_C(64) << 30;
    weir_status status;
    *out = NULL;
    weir_page_store *s = calloc(1, sizeof *s);
    if (!s)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a store of pages");
    s->max_bytes = max_bytes ? max_bytes : default_bytes;
    s->page_bytes = page_bytes;
    s->folder = weir_path_join(folder, "pages");
    s->file = malloc(HEADER_BYTES + page_bytes + SUM_BYTES);
    if (!s->folder || !s->file || !grow(s)) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a store of pages");
        goto fail;
    }
    WEIR_TRY_GOTO(weir_make_private_folder(s->folder, err));
    if (access(s->folder, R_OK | W_OK | X_OK) != 0) {
        status = weir_fail(err, WEIR_STATUS_IO, "%s: cannot be written to: %s", s->folder,
                           strerror(errno));
        goto fail;
    }
    WEIR_TRY_GOTO(scan(s, err));
    make_room(s, 0);
    *out = s;
    return WEIR_STATUS_OK;
fail:
    weir_page_store_close(&s);
    return status;
}

void weir_page_store_close(weir_page_store **store) {
    if (!store || !*store)
        return;
    weir_page_store *s = *store;
    free(s->folder);
    free(s->file);
    free(s->slot);
    free(s);
    *store = NULL;
}

/* ---- pages ---------------------------------------------------------------------------------- */

bool weir_page_store_has(const weir_page_store *s, weir_page_key key) {
    return find(s, key)->bytes > 0;
}

static void put_header(uint8_t *h, weir_page_key key, const int32_t *tokens, size_t page_bytes) {
    memcpy(h, magic, sizeof magic);
    put(h + 8, VERSION, 4);
    put(h + 12, WEIR_PAGE_TOKENS, 4);
    put(h + 16, key.word[0], 8);
    put(h + 24, key.word[1], 8);
    for (int i = 0; i < WEIR_PAGE_TOKENS; i++)
        put(h + TOKENS_AT + 4 * i, (uint32_t)tokens[i], 4);
    put(h + BYTES_AT, page_bytes, 8);
    put(h + HEADER_SUM_AT, XXH64(h, HEADER_SUM_AT, 0), 8);
}

const uint8_t *weir_page_file_parse(const void *data, size_t size, weir_page_key key,
                                    const int32_t *tokens, size_t page_bytes, bool skip_sum) {
    /* All of the header is known, so it is compared, not read. */
    uint8_t expected[HEADER_BYTES];
    const uint8_t *page = (const uint8_t *)data + HEADER_BYTES;
    if (size != HEADER_BYTES + page_bytes + SUM_BYTES)
        return NULL;
    put_header(expected, key, tokens, page_bytes);
    if (memcmp(data, expected, HEADER_BYTES) != 0)
        return NULL;
    bool is_whole = skip_sum || get_u64(page + page_bytes) == XXH64(page, page_bytes, 0);
    return is_whole ? page : NULL;
}

bool weir_page_store_read(weir_page_store *s, weir_page_key key, const int32_t *tokens,
                          void *page) {
    entry *e = find(s, key);
    weir_map map = {0};
    if (e->bytes == 0)
        return false;
    char *path = path_of(s, key);
    const uint8_t *found = NULL;
    if (path && weir_map_open(&map, path, NULL) == WEIR_STATUS_OK) {
        found = weir_page_file_parse(map.data, map.size, key, tokens, s->page_bytes, false);
        if (found)
            memcpy(page, found, s->page_bytes);
        weir_map_close(&map);
    }
    if (found) {
        e->used = ++s->tick;
        utimensat(AT_FDCWD, path, NULL, 0); /* the next process is to know; if not, no harm */
        s->stats.n_read++;
    } else {
        s->stats.n_damaged++;
        take_away(s, e);
    }
    free(path);
    return found != NULL;
}

/* Under its name whole, or not at all. Unsynced, because every answer waits meanwhile: a page that
 * a power failure cuts is told by its checksums, and costs the time to run it. */
static bool write_file(const char *path, const void *data, size_t n) {
    weir_out *out = NULL;
    bool is_good = weir_out_open(&out, path, true, NULL) == WEIR_STATUS_OK &&
                   weir_out_write(out, data, n, NULL) == WEIR_STATUS_OK &&
                   weir_out_commit_unsynced(&out, NULL) == WEIR_STATUS_OK;
    weir_out_abort(&out);
    return is_good;
}

bool weir_page_store_write(weir_page_store *s, weir_page_key key, const int32_t *tokens,
                           const void *page) {
    size_t n = HEADER_BYTES + s->page_bytes + SUM_BYTES;
    if (weir_page_store_has(s, key))
        return true;
    make_room(s, n);
    char *path = path_of(s, key);
    bool is_good = path && n <= s->max_bytes && grow(s);
    if (is_good) {
        put_header(s->file, key, tokens, s->page_bytes);
        memcpy(s->file + HEADER_BYTES, page, s->page_bytes);
        put(s->file + HEADER_BYTES + s->page_bytes, XXH64(page, s->page_bytes, 0), 8);
        is_good = write_file(path, s->file, n);
    }
    if (is_good) {
        *find(s, key) = (entry){.key = key, .bytes = n, .used = ++s->tick};
        s->stats.n_files++;
        s->stats.bytes += n;
        s->stats.n_written++;
    } else {
        s->stats.n_failed++;
    }
    free(path);
    return is_good;
}

void weir_page_store_get_stats(const weir_page_store *s, weir_page_store_stats *out) {
    *out = s->stats;
}
