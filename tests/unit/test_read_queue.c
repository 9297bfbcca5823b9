/*
 * test_read_queue.c: many reads at once by io_uring and by threads: every byte
 * where it belongs, ends of files, failures, more reads than the queue is deep.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/random.h"
#include "base/read_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES = 200001, DEPTH = 5, READS = 60, MOST = 9000 };

static uint8_t content[FILE_BYTES];

static int make_file(void) {
    char path[] = "read-queue-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    unlink(path);
    for (size_t i = 0; i < FILE_BYTES; i++)
        content[i] = (uint8_t)weir_mix64(7, 1, i);
    assert_int_equal(write(file, content, FILE_BYTES), FILE_BYTES);
    return file;
}

/* NULL: this way is not to be had here. */
static weir_read_queue *open_queue(weir_read_way way) {
    weir_read_queue *queue = NULL;
    weir_error err;
    weir_status status = weir_read_queue_open(&queue, DEPTH, way, &err);
    if (status == WEIR_STATUS_UNSUPPORTED) {
        printf("skipped: %s\n", err.text);
        return NULL;
    }
    assert_int_equal(status, WEIR_STATUS_OK);
    assert_string_equal(weir_read_queue_way(queue),
                        way == WEIR_READ_URING ? "io_uring" : "threads");
    return queue;
}

static void check_read(const weir_read *read) {
    assert_int_equal(read->error, 0);
    assert_true(read->n_read >= read->least);
    assert_memory_equal(read->to, content + read->at, read->n_read);
}

static void test_many(weir_read_way way) {
    static uint8_t buffers[DEPTH][MOST];
    weir_read reads[DEPTH], *ended;
    int file = make_file();
    weir_read_queue *queue = open_queue(way);
    uint64_t n_sent = 0, n_ended = 0;
    for (; queue && n_sent < DEPTH; n_sent++)
        reads[n_sent] = (weir_read){.to = buffers[n_sent]};
    for (size_t i = 0; queue && i < DEPTH; i++) {
        weir_read *read = &reads[i];
        *read = (weir_read){.file = file, .at = i * 977, .to = buffers[i], .bytes = 1000 + 7 * i};
        read->least = read->bytes;
        weir_read_queue_submit(queue, &read, 1);
    }
    while (queue && (ended = weir_read_queue_take(queue, true)) != NULL) {
        check_read(ended);
        n_ended++;
        if (n_sent == READS)
            continue;
        /* The last ones reach behind the end. */
        ended->at = weir_mix64(3, 2, n_sent) % FILE_BYTES;
        ended->bytes = 1 + (uint32_t)(weir_mix64(3, 3, n_sent) % MOST);
        uint64_t left = FILE_BYTES - ended->at;
        ended->least = ended->bytes < left ? ended->bytes : (uint32_t)left;
        memset(ended->to, 0, MOST);
        weir_read_queue_submit(queue, &ended, 1);
        n_sent++;
    }
    assert_true(!queue || n_ended == READS);
    assert_true(!queue || weir_read_queue_take(queue, false) == NULL);
    weir_read_queue_close(&queue);
    close(file);
}

static void test_failures(weir_read_way way) {
    uint8_t buffer[3][64];
    int file = make_file(), unreadable = open("/dev/null", O_WRONLY);
    weir_read_queue *queue = open_queue(way);
    weir_read reads[] = {
        {.file = file, .at = FILE_BYTES - 10, .to = buffer[0], .bytes = 64, .least = 11},
        {.file = unreadable, .at = 0, .to = buffer[1], .bytes = 64, .least = 64},
        {.file = file, .at = FILE_BYTES - 10, .to = buffer[2], .bytes = 64, .least = 10},
    };
    weir_read *const list[] = {&reads[0], &reads[1], &reads[2]};
    if (queue)
        weir_read_queue_submit(queue, list, 3);
    for (size_t i = 0; queue && i < 3; i++)
        assert_non_null(weir_read_queue_take(queue, true));
    if (queue) {
        assert_int_equal(reads[0].error, -1);
        assert_int_equal(reads[1].error, EBADF);
        check_read(&reads[2]);
        /* Closing waits for what is under way. */
        weir_read_queue_submit(queue, list, 3);
    }
    weir_read_queue_close(&queue);
    close(file);
    close(unreadable);
}

static void test_uring(void **state) {
    (void)state;
    test_many(WEIR_READ_URING);
    test_failures(WEIR_READ_URING);
}

static void test_threads(void **state) {
    (void)state;
    test_many(WEIR_READ_THREADS);
    test_failures(WEIR_READ_THREADS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uring),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
