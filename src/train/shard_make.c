/* shard_make.c: packing for one use: a packed file without a name. */
#include "base/error.h"
#include "weir_train.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

weir_status weir_shard_make(weir_shard **out, const weir_pack_options *options,
                            weir_pack_report *report, weir_error *err) {
    const char *folder = getenv("TMPDIR");
    char path[512];
    weir_pack_options pack = *options;
    pack.overwrite = true;
    *out = NULL;
    int n =
        snprintf(path, sizeof path, "%s/weir-packed-XXXXXX", folder && *folder ? folder : "/tmp");
    if (n < 0 || (size_t)n >= sizeof path)
        return weir_fail(err, WEIR_STATUS_IO, "TMPDIR is too long a path");
    int fd = mkstemp(path);
    if (fd < 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot make a temporary file", path);
    close(fd);
    weir_status status = weir_train_pack(path, &pack, report, err);
    if (status == WEIR_STATUS_OK)
        status = weir_shard_open(out, path, err);
    unlink(path);
    return status;
}
