/* shard_make.c: packing for one use: a packed file without a name. What is learned from may be
 * private, and who has the tokenizer can read tokens: until it has none it lies in a folder that
 * only its owner enters. */
#include "base/error.h"
#include "weir_train.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

weir_status weir_shard_make(weir_shard **out, const weir_pack_options *options,
                            weir_pack_report *report, weir_error *err) {
    const char *folder = getenv("TMPDIR");
    char room[480], path[512];
    weir_pack_options pack = *options;
    pack.overwrite = true;
    *out = NULL;
    int n =
        snprintf(room, sizeof room, "%s/weir-packed-XXXXXX", folder && *folder ? folder : "/tmp");
    if (n < 0 || (size_t)n >= sizeof room)
        return weir_fail(err, WEIR_STATUS_IO, "TMPDIR is too long a path");
    if (!mkdtemp(room))
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot make a temporary folder", room);
    snprintf(path, sizeof path, "%s/shard", room);
    weir_status status = weir_train_pack(path, &pack, report, err);
    if (status == WEIR_STATUS_OK)
        status = weir_shard_open(out, path, err);
    unlink(path);
    rmdir(room);
    return status;
}
