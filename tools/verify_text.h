/* verify_text.h: how far two models are apart, in a line. */
#ifndef WEIR_TOOLS_VERIFY_TEXT_H
#define WEIR_TOOLS_VERIFY_TEXT_H

#include "weir_train.h"

enum { WEIR_VERIFY_TEXT = 256 };

/* "235 tokens: mean KL 0.0012, ..."; returns buf. */
const char *weir_verify_text(char buf[WEIR_VERIFY_TEXT], const weir_verify_report *report);

#endif
