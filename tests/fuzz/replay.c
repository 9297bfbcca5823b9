/*
 * replay.c: runs a fuzz target over its corpus without a fuzzer, so that a corpus is a test with
 * any compiler.
 *
 * Owns the walk: every file of the folders on the command line whole, cut at many lengths, and with
 * bytes changed by a fixed pseudo-random rule, so that each run sees the same inputs. Each input
 * lies in a block of its exact size, where a sanitizer sees a read behind the end. Does not own the
 * target, which is LLVMFuzzerTestOneInput of one fuzz_*.c. A folder without a file is a failure.
 * WEIR_SOAK runs more.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/random.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_INPUT_BYTES = 16 * 1024 * 1024, N_CUTS = 128, N_CHANGES = 256, SOAK_FACTOR = 100 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long n_inputs;

static void run_copy(const char *data, size_t size) {
    uint8_t *input = malloc(size > 0 ? size : 1);
    if (!input)
        abort();
    if (size > 0)
        memcpy(input, data, size);
    LLVMFuzzerTestOneInput(input, size);
    free(input);
    n_inputs++;
}

static void run_cuts(const char *data, size_t size) {
    size_t step = size / N_CUTS + 1;
    for (size_t n = 0; n < size; n += step)
        run_copy(data, n);
}

/* Most changes go into the first 512 bytes, where headers are. */
static void run_changes(char *data, size_t size, uint64_t stream) {
    static const char edges[] = {0, 1, 0x7f, (char)0x80, (char)0xff, '"', '{', '\\'};
    uint64_t n_changes = getenv("WEIR_SOAK") ? N_CHANGES * SOAK_FACTOR : N_CHANGES;
    for (uint64_t i = 0; size > 0 && i < n_changes; i++) {
        uint64_t bits = weir_mix64(i, stream, 0);
        size_t range = size > 512 && bits % 4 != 0 ? 512 : size;
        size_t at = (size_t)(weir_mix64(i, stream, 1) % range);
        char before = data[at];
        data[at] = (bits >> 8) % 2 ? edges[(bits >> 9) % sizeof edges] : (char)(bits >> 16);
        run_copy(data, size);
        data[at] = before;
    }
}

static bool replay_file(const char *path, uint64_t stream) {
    weir_error err = {0};
    char *data = NULL;
    size_t size = 0;
    if (weir_file_read(path, MAX_INPUT_BYTES, &data, &size, &err) != WEIR_STATUS_OK) {
        fprintf(stderr, "%s\n", err.text);
        return false;
    }
    printf("%s\n", path); /* before it runs: the last line names the input of a crash */
    fflush(stdout);
    run_copy(data, size);
    run_cuts(data, size);
    run_changes(data, size, stream);
    free(data);
    return true;
}

/* False if a file cannot be read or there is none. */
static bool replay_folder(const char *folder) {
    struct dirent **entries;
    int n_entries = scandir(folder, &entries, NULL, alphasort);
    if (n_entries < 0) {
        perror(folder);
        return false;
    }
    bool is_good = true;
    uint64_t n_files = 0;
    for (int i = 0; i < n_entries; i++) {
        char *path = weir_path_join(folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && (!path || !weir_path_is_folder(path)))
            is_good = path && replay_file(path, n_files++) && is_good;
        free(path);
        free(entries[i]);
    }
    free(entries);
    if (n_files == 0)
        fprintf(stderr, "%s: no inputs\n", folder);
    return is_good && n_files > 0;
}

int main(int argc, char **argv) {
    bool is_good = argc > 1;
    for (int i = 1; i < argc; i++)
        is_good = replay_folder(argv[i]) && is_good;
    printf("%lu inputs\n", n_inputs);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
