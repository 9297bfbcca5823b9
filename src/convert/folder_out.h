/*
 * folder_out.h: a folder of model files under construction: it is filled under a temporary name
 * beside OUT and takes OUT's name when it is complete, in one step where the file system can. Of a
 * folder that it replaces only files that the caller calls its own are deleted: one that holds
 * anything else is refused before the work begins, or what else it holds moves along.
 */
#ifndef WEIR_CONVERT_FOLDER_OUT_H
#define WEIR_CONVERT_FOLDER_OUT_H

#include "weir.h"

/* May a file of this name go when its folder is replaced? */
typedef bool weir_folder_is_ours(const void *context, const char *name);

typedef struct weir_folder_out {
    char *out;  /* what it will be called; a link to a folder stands for the folder */
    char *work; /* where the files go until then; NULL: not open */
    weir_folder_is_ours *is_ours;
    const void *context;
} weir_folder_out;

/* Names that a model folder written by this library has, with any number of shards. */
bool weir_folder_is_model_file(const char *name);

/* FAILED: OUT is there and !overwrite, is no folder, is the current folder, or holds a file that is
 * not ours. weir_folder_out_close is due also after a failure. */
weir_status weir_folder_out_open(weir_folder_out *f, const char *out, bool overwrite,
                                 weir_folder_is_ours *is_ours, const void *context,
                                 weir_error *err);
/* The same for a folder that is written again and again, also by a run that cannot be told in its
 * last minute that OUT holds something else: that moves along to the new folder. OUT may be there,
 * the folders above it are made. */
weir_status weir_folder_out_renew(weir_folder_out *f, const char *out, weir_folder_is_ours *is_ours,
                                  const void *context, weir_error *err);
/* What weir_folder_out_renew would refuse, asked before the work begins. */
weir_status weir_folder_out_may_renew(const char *out, weir_error *err);
/* The finished folder takes its name, which outlives a power failure; of what stood there our files
 * go. IO: nothing has changed, or the line says what is left to do. */
weir_status weir_folder_out_commit(weir_folder_out *f, weir_error *err);
/* Throws away what was not committed. A zeroed struct is fine. */
void weir_folder_out_close(weir_folder_out *f);

/* Clears away what a killed program has left, OUT.tmp-XXXXXX: our files and those under
 * construction, and the folder if it is empty then. */
void weir_folder_out_sweep(const char *path, weir_folder_is_ours *is_ours, const void *context);

#endif
