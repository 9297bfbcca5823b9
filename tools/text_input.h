/* text_input.h: a whole text from a file or from standard input. */
#ifndef WEIR_TOOLS_TEXT_INPUT_H
#define WEIR_TOOLS_TEXT_INPUT_H

#include "weir.h"

enum { WEIR_TEXT_INPUT_MAX = 1 << 30 }; /* bytes: more is no text for one run of the program */

/* path as error lines call it: "standard input" for "-" and NULL. */
const char *weir_text_input_name(const char *path);

/* All bytes of a file, or of standard input where path is "-" or NULL, with a 0 behind them that is
 * not counted; the caller frees *text. With NULL nobody has named standard input: if it is a
 * terminal, BAD_ARGUMENT says that `what` ("the text") is missing. */
weir_status weir_text_input_read(char **text, size_t *n, const char *path, const char *what,
                                 weir_error *err);

#endif
