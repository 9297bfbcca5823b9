/*
 * selftest_folder.h: a folder of golden data: a set with index.json, or one case.
 *
 * Owns finding the cases, and the rule that a case which cannot be run is one failure and the
 * others go on.
 */
#ifndef WEIR_TOOLS_SELFTEST_FOLDER_H
#define WEIR_TOOLS_SELFTEST_FOLDER_H

#include "selftest_report.h"

/* Runs one case. folder has no '/' at its end; name is its last part. *is_refused: what was asked
 * for no case could do, such as an isa that this machine does not have: no fault of the case. */
typedef weir_status weir_folder_case(void *context, const char *folder, const char *name,
                                     bool *is_refused, weir_error *err);

/* All cases under dir that have `file` (NULL: all). BAD_FILE: dir is neither a set nor a case, or
 * is a case without that file; else the error of a case that was refused. */
weir_status weir_folder_each(weir_report *report, const char *dir, const char *file,
                             weir_folder_case *run, void *context, weir_error *err);

#endif
