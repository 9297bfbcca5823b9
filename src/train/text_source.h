/*
 * text_source.h: rows of training text from a file, one after the other, with the line they stand
 * in. Reads .txt (documents divided by lines that hold <|endoftext|> alone), .jsonl and .json lines
 * (one JSON object a row), and either packed as .zst, in a stream: memory is one row.
 *
 * A .jsonl row has one of the forms of docs/train.md: {"messages"}, {"text"}, Alpaca's
 * {"instruction", "input", "output"}, ShareGPT's {"conversations": [{"from", "value"}]}; whichever
 * it was, weir_text_row gives {"messages", "tools"?, "template_args"?} or {"text"}.
 *
 * In what it gives, the content of every message is text ("" beside calls), that of a tool too, and
 * calls have the shape {"type": "function", "function": {"name", "arguments": {...}}}, which every
 * published template that renders calls reads.
 */
#ifndef WEIR_TRAIN_TEXT_SOURCE_H
#define WEIR_TRAIN_TEXT_SOURCE_H

#include "weir.h"
#include <jansson.h>

typedef struct weir_text_source weir_text_source;

typedef struct weir_text_row {
    uint64_t line;    /* in the unpacked file, from 1: where the row begins */
    const char *text; /* [n] a document; NULL: a conversation. Until the next row */
    size_t n;
    json_t *object; /* the row of a .jsonl, foreign forms turned into "messages" (checked: roles,
                       contents, calls), all else as it was; NULL: .txt. Owned by the source, until
                       the next row */
} weir_text_row;

/* UNSUPPORTED for .zst where the build has no libzstd. */
weir_status weir_text_source_open(weir_text_source **out, const char *path, weir_error *err);
/* The same over bytes [n], kept by the caller; name stands for the path: its ending counts. */
weir_status weir_text_source_open_bytes(weir_text_source **out, const void *bytes, size_t n,
                                        const char *name, weir_error *err);
void weir_text_source_close(weir_text_source **source);

/* *has_row false: the end. BAD_FILE "FILE:LINE: what, expected what" for a broken row: JSON that
 * does not parse, an unknown role, an empty conversation, foreign tool markup (<tool_call>) in an
 * answer with the fix in the message. */
weir_status weir_text_source_next(weir_text_source *source, weir_text_row *row, bool *has_row,
                                  weir_error *err);

/* How far it is, in bytes of the file. *total 0: that has no size. */
void weir_text_source_place(const weir_text_source *source, uint64_t *done, uint64_t *total);

/* The same check and turning of one row given as text, for generated rows. where: "gen:story 12".
 */
weir_status weir_text_row_parse(json_t **out, const char *json, size_t n, const char *where,
                                weir_error *err);

/* JSON as templates want it: numbers as they were written, up to 15 digits. malloc'ed; NULL without
 * memory. */
char *weir_text_row_dump(const json_t *value);

#endif
