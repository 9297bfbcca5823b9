/* file.h: whole files in memory, and files that appear whole or not at all. */
#ifndef WEIR_BASE_FILE_H
#define WEIR_BASE_FILE_H

#include "weir.h"

/* A file mapped read-only. data is NULL for an empty file. */
typedef struct weir_map {
    const uint8_t *data;
    size_t size;
} weir_map;

/* IO if it cannot be opened or is not a regular file, NO_MEMORY without addresses for it. A file
 * that shrinks while it is mapped, or a device that fails, shows as SIGBUS. */
weir_status weir_map_open(weir_map *out, const char *path, weir_error *err);
void weir_map_close(weir_map *map);

/* The whole file with a 0 byte behind it (not counted), malloc'ed. BAD_FILE if larger than max. */
weir_status weir_file_read(const char *path, size_t max, char **data, size_t *size,
                           weir_error *err);

bool weir_path_is_folder(const char *path);
bool weir_path_exists(const char *path);
/* folder + "/" + name, malloc'ed; NULL without memory. No second slash, none after "". */
char *weir_path_join(const char *folder, const char *name);
/* The folder that a path lies in, malloc'ed: "" where it names none, which weir_path_join takes;
 * "/" for what lies in the root. NULL without memory. */
char *weir_path_folder(const char *path);
/* A folder and those above it; that it is there already is no failure. */
weir_status weir_make_folders(const char *path, weir_error *err);
/* The same, but the last of them is made for its owner alone (0700). One that is there already
 * stays as open as it is. */
weir_status weir_make_private_folder(const char *path, weir_error *err);
/* The folder of the program that runs, malloc'ed; NULL where the system does not tell it. */
char *weir_program_folder(void);

/* FROM/NAME to TO/NAME, which appears whole or not at all and replaces what is there. Without a
 * regular file FROM/NAME nothing is done. */
weir_status weir_file_copy(const char *from, const char *to, const char *name, weir_error *err);
/* a becomes b and b a at once, so that neither name is ever free; false, and errno, where that
 * fails: EINVAL on file systems that cannot. */
bool weir_path_swap(const char *a, const char *b);
/* rename, but nothing is replaced: -1 and EEXIST if there is a file of that name. */
int weir_path_rename_new(const char *from, const char *to);
/* What happened to the name itself stays after a power failure. */
weir_status weir_path_sync(const char *path, weir_error *err);
/* Is it the name of something under construction: NAME.tmp-XXXXXX? */
bool weir_is_temporary_name(const char *name);

/*
 * A file under construction: bytes go to PATH.tmp-XXXXXX beside PATH, and take its name only at
 * commit, after fsync of file and folder. Buffered; seeks are not needed.
 */
typedef struct weir_out weir_out;
/* IO, also where PATH is a device or folder; FAILED if PATH exists and !overwrite. */
weir_status weir_out_open(weir_out **out, const char *path, bool overwrite, weir_error *err);
weir_status weir_out_write(weir_out *out, const void *data, size_t n, weir_error *err);
weir_status weir_out_pad(weir_out *out, size_t multiple,
                         weir_error *err); /* zeros up to a multiple */
/* n bytes that read as zeros and, where the file system has holes, take no room. */
weir_status weir_out_skip(weir_out *out, uint64_t n, weir_error *err);
uint64_t weir_out_tell(const weir_out *out);
/* Writes at an earlier position (a header known at the end); does not move the end. */
weir_status weir_out_patch(weir_out *out, uint64_t at, const void *data, size_t n, weir_error *err);
/* Sync, rename, sync the folder. FAILED if PATH has come into being and !overwrite; IO also if an
 * earlier write failed. Frees *out and sets it to NULL also on failure. */
weir_status weir_out_commit(weir_out **out, weir_error *err);
/* The same without a sync: for a file that holds checksums of its own and costs only time if a
 * power failure takes it or leaves a part of it. */
weir_status weir_out_commit_unsynced(weir_out **out, weir_error *err);
/* is_on: from now on weir_out_commit of this thread is weir_out_commit_unsynced. For who calls what
 * commits a file, and has no use for the file after this process. */
void weir_out_leave_unsynced(bool is_on);
/* Throws the temporary file away. NULL is fine. */
void weir_out_abort(weir_out **out);

#endif
