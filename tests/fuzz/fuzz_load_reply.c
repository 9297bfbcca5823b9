/*
 * fuzz_load_reply.c: any bytes as the reply to a request of the load generator. What is read must
 * not depend on the cuts, and a reply with a fault must say which.
 *
 * Byte 0: flags. Bytes 1 to 8: where one of the two readings cuts. The rest is the reply.
 */
#include "base/random.h"
#include "base/utf8.h"
#include "load_reply.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLAG_STREAM = 1, FLAG_BROKEN = 2, N_HEAD = 9 };

static void require(bool holds) {
    if (!holds)
        abort();
}

/* Pieces end where a bit of `cuts` says so; 0: there is one. Returns how many bytes were taken. */
static size_t read_all(weir_load_reply *reply, const char *bytes, size_t n, uint64_t cuts) {
    size_t begin = 0, n_taken = 0;
    for (size_t at = 1; at <= n; at++) {
        if (at < n && (!cuts || weir_mix64(cuts, at, 0) % 4 != 0))
            continue;
        size_t n_used = weir_load_reply_push(reply, bytes + begin, at - begin, 1);
        require(n_used == at - begin || (n_used < at - begin && reply->is_done));
        n_taken += n_used;
        begin = at;
    }
    return n_taken;
}

static void check(const weir_load_reply *r) {
    size_t n = strlen(r->message);
    require(r->is_done && r->fault < WEIR_LOAD_N_FAULTS);
    require((r->fault == WEIR_LOAD_FINE) == (n == 0) || r->fault == WEIR_LOAD_STREAM_ERROR ||
            r->fault == WEIR_LOAD_HTTP_STATUS);
    require(weir_utf8_valid(r->message, n) == n && !strchr(r->message, '\n'));
    require(r->n_gaps + 1 == r->n_chunks || (r->n_gaps == 0 && r->n_chunks == 0));
    require(r->http_status >= 0 && r->http_status < 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < N_HEAD)
        return 0;
    uint64_t cuts;
    const char *bytes = (const char *)data + N_HEAD;
    const char *why = data[0] & FLAG_BROKEN ? "broken" : NULL;
    weir_load_reply whole = {0}, other = {0};
    memcpy(&cuts, data + 1, sizeof cuts);
    weir_load_reply_begin(&whole, data[0] & FLAG_STREAM);
    weir_load_reply_begin(&other, data[0] & FLAG_STREAM);
    size_t n_whole = read_all(&whole, bytes, size - N_HEAD, 0);
    size_t n_other = read_all(&other, bytes, size - N_HEAD, cuts | 1);
    weir_load_reply_end(&whole, why);
    weir_load_reply_end(&other, why);
    check(&whole);
    check(&other);
    require(whole.fault == other.fault && whole.http_status == other.http_status);
    require(whole.fault != WEIR_LOAD_FINE || n_whole == n_other);
    require(whole.fault != WEIR_LOAD_FINE || whole.keeps_alive == other.keeps_alive);
    require(whole.n_chunks == other.n_chunks && whole.n_output == other.n_output);
    require(whole.body.n == other.body.n &&
            (whole.body.n == 0 || memcmp(whole.body.data, other.body.data, whole.body.n) == 0));
    weir_load_reply_free(&whole);
    weir_load_reply_free(&other);
    return 0;
}
