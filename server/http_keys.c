/*
 * http_keys.c: reading the file of API keys, and finding a key by its hash.
 *
 * Invariant: names are not empty, hashes are unique; a key's text is never kept.
 */
#include "http_keys.h"

#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#ifdef WEIR_HAS_SERVER
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#endif

enum {
    HASH_BYTES = 32,
    NAME_MAX_BYTES = 64,
    FILE_MAX_BYTES = 1 << 20,
};

typedef struct key {
    char name[NAME_MAX_BYTES + 1];
    unsigned char hash[HASH_BYTES];
    uint32_t limit; /* 0: none is said */
} key;

struct weir_keys {
    key *item; /* [n], owned */
    size_t n;
};

static const char how[] =
    "'NAME sha256:HASH [limit=N]', HASH as `printf %s KEY | sha256sum` prints it";

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* "sha256:" and 64 hex digits. */
static bool read_hash(unsigned char hash[HASH_BYTES], const char *word) {
    static const char head[] = "sha256:";
    if (strncmp(word, head, sizeof head - 1) != 0)
        return false;
    word += sizeof head - 1;
    if (strlen(word) != 2 * HASH_BYTES)
        return false;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        int high = hex_digit(word[2 * i]), low = hex_digit(word[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        hash[i] = (unsigned char)(16 * high + low);
    }
    return true;
}

/* limit=N, from 1 on */
static bool read_limit(uint32_t *out, const char *word) {
    static const char name[] = "limit=";
    size_t n_name = strlen(name), n = strlen(word);
    if (strncmp(word, name, n_name) != 0 || n == n_name || n > n_name + 9 ||
        strspn(word + n_name, "0123456789") != n - n_name)
        return false;
    *out = (uint32_t)strtoul(word + n_name, NULL, 10);
    return *out > 0;
}

static bool has_hash(const weir_keys *keys, const unsigned char hash[HASH_BYTES]) {
    for (size_t i = 0; i < keys->n; i++)
        if (!memcmp(keys->item[i].hash, hash, HASH_BYTES))
            return true;
    return false;
}

/* Room for one more; NULL: no memory. */
static key *add_key(weir_keys *keys) {
    if ((keys->n & (keys->n - 1)) == 0) { /* full at powers of two */
        key *item = realloc(keys->item, (keys->n ? 2 * keys->n : 1) * sizeof *item);
        if (!item)
            return NULL;
        keys->item = item;
    }
    return &keys->item[keys->n++];
}

/* NULL at the end of the line. */
static char *next_word(char **rest) {
    return strtok_r(*rest, " \t\r", rest);
}

static weir_status read_line(weir_keys *keys, char *line, const char *path, size_t number,
                             weir_error *err) {
    unsigned char hash[HASH_BYTES];
    line[strcspn(line, "#")] = 0;
    const char *name = next_word(&line);
    if (!name)
        return WEIR_STATUS_OK;
    if (strlen(name) > NAME_MAX_BYTES)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s:%zu: the name is longer than %d bytes; expected %s", path, number,
                         NAME_MAX_BYTES, how);
    const char *word = next_word(&line), *more = word ? next_word(&line) : NULL;
    uint32_t limit = 0;
    if (!word || !read_hash(hash, word) || (more && !read_limit(&limit, more)) ||
        (more && next_word(&line)))
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s:%zu: expected %s", path, number, how);
    if (has_hash(keys, hash))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s:%zu: the key of '%s' stands in an earlier line already", path, number,
                         name);
    key *added = add_key(keys);
    if (!added)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for %zu keys", path, keys->n);
    memcpy(added->name, name, strlen(name) + 1);
    memcpy(added->hash, hash, sizeof hash);
    added->limit = limit;
    return WEIR_STATUS_OK;
}

static weir_status read_lines(weir_keys *keys, char *text, const char *path, weir_error *err) {
    size_t number = 1;
    for (char *line = text; line; number++) {
        char *end = strchr(line, '\n');
        if (end)
            *end = 0;
        WEIR_TRY(read_line(keys, line, path, number, err));
        line = end ? end + 1 : NULL;
    }
    return WEIR_STATUS_OK;
}

weir_status weir_keys_parse(weir_keys **out, char *text, size_t n, const char *path,
                            weir_error *err) {
    weir_status status;
    *out = NULL;
    weir_keys *keys = calloc(1, sizeof *keys);
    if (!keys)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for keys", path);
    if (memchr(text, 0, n)) {
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: holds a zero byte; expected lines %s",
                           path, how);
        goto fail;
    }
    WEIR_TRY_GOTO(read_lines(keys, text, path, err));
    if (keys->n == 0) {
        /* It would lock everybody out, or, read otherwise, let everybody in. */
        status =
            weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: holds no key; expected lines %s", path, how);
        goto fail;
    }
    *out = keys;
    return WEIR_STATUS_OK;
fail:
    weir_keys_close(&keys);
    return status;
}

weir_status weir_keys_open(weir_keys **out, const char *path, weir_error *err) {
    char *text;
    size_t n;
    *out = NULL;
    WEIR_TRY(weir_file_read(path, FILE_MAX_BYTES, &text, &n, err));
    weir_status status = weir_keys_parse(out, text, n, path, err);
    free(text);
    return status;
}

void weir_keys_close(weir_keys **keys) {
    if (!*keys)
        return;
    free((*keys)->item);
    free(*keys);
    *keys = NULL;
}

size_t weir_keys_count(const weir_keys *keys) {
    return keys->n;
}

const char *weir_keys_name(const weir_keys *keys, size_t i) {
    return keys->item[i].name;
}

const char *weir_keys_find(const weir_keys *keys, const char *text, uint32_t *limit) {
    const char *found = NULL;
    *limit = 0;
#ifdef WEIR_HAS_SERVER
    unsigned char hash[HASH_BYTES];
    /* Whatever the file says, nothing is no key. */
    if (!*text || gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), hash) < 0)
        return NULL;
    for (size_t i = 0; i < keys->n; i++)
        if (gnutls_memcmp(hash, keys->item[i].hash, HASH_BYTES) == 0) {
            found = keys->item[i].name; /* and on to the end, as when there is none */
            *limit = keys->item[i].limit;
        }
#else
    (void)keys;
    (void)text;
#endif
    return found;
}
