/*
 * replay.c: runs a fuzz target over every file of the folders on the command line, so that a
 * corpus is a test with any compiler. Each input is copied to a block of its exact size, where a
 * sanitizer sees a read behind the end. Folders inside are skipped. 77: there was no file.
 */
#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_INPUT_BYTES = 16 * 1024 * 1024, EXIT_SKIPPED = 77 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay_file(const char *path) {
    weir_error err = {0};
    char *data = NULL;
    size_t size = 0;
    if (weir_file_read(path, MAX_INPUT_BYTES, &data, &size, &err) != WEIR_STATUS_OK) {
        fprintf(stderr, "%s\n", err.text);
        return false;
    }
    uint8_t *input = malloc(size > 0 ? size : 1);
    if (input) {
        memcpy(input, data, size);
        printf("%s\n", path); /* before it runs: the last line names the input of a crash */
        fflush(stdout);
        LLVMFuzzerTestOneInput(input, size);
    }
    free(data);
    bool is_run = input != NULL;
    free(input);
    return is_run;
}

static bool replay_folder(const char *folder, size_t *n_files) {
    DIR *dir = opendir(folder);
    if (!dir) {
        perror(folder);
        return false;
    }
    bool is_good = true;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        char *path = weir_path_join(folder, entry->d_name);
        if (!path) {
            is_good = false;
        } else if (!weir_path_is_folder(path)) {
            is_good = replay_file(path) && is_good;
            ++*n_files;
        }
        free(path);
    }
    closedir(dir);
    return is_good;
}

int main(int argc, char **argv) {
    size_t n_files = 0;
    bool is_good = true;
    for (int i = 1; i < argc; i++)
        is_good = replay_folder(argv[i], &n_files) && is_good;
    if (is_good && n_files == 0) {
        printf("skipped: no file in the folders of the command line\n");
        return EXIT_SKIPPED;
    }
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
