/*
 * gguf_value.c: typed values of a metadata entry, and entries as text.
 *
 * Owns nothing: every function reads an entry that the reader has checked, so that each of its
 * n_items lies inside the file and is of item_type, strings and bools included.
 */
#include "base/compiler.h"
#include "base/half.h"
#include "gguf/gguf_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHOWN_ITEMS = 8,   /* of an array in its text */
    SHOWN_STRING = 40, /* bytes of a string inside an array's text */
    NUMBER_TEXT = 32   /* room for any number as text */
};

typedef struct type_row {
    const char *name;
    const char *array_name;
    uint8_t bytes; /* 0: not of fixed size */
} type_row;

static const type_row TYPES[WEIR_GGUF_N_TYPES] = {
    [WEIR_GGUF_U8] = {"u8", "arr[u8]", 1},       [WEIR_GGUF_I8] = {"i8", "arr[i8]", 1},
    [WEIR_GGUF_U16] = {"u16", "arr[u16]", 2},    [WEIR_GGUF_I16] = {"i16", "arr[i16]", 2},
    [WEIR_GGUF_U32] = {"u32", "arr[u32]", 4},    [WEIR_GGUF_I32] = {"i32", "arr[i32]", 4},
    [WEIR_GGUF_F32] = {"f32", "arr[f32]", 4},    [WEIR_GGUF_BOOL] = {"bool", "arr[bool]", 1},
    [WEIR_GGUF_STRING] = {"str", "arr[str]", 0}, [WEIR_GGUF_ARRAY] = {"arr", "arr[arr]", 0},
    [WEIR_GGUF_U64] = {"u64", "arr[u64]", 8},    [WEIR_GGUF_I64] = {"i64", "arr[i64]", 8},
    [WEIR_GGUF_F64] = {"f64", "arr[f64]", 8},
};

size_t weir_gguf_item_bytes(uint32_t type) {
    return type < WEIR_GGUF_N_TYPES ? TYPES[type].bytes : 0;
}

const char *weir_gguf_base_type_name(uint32_t type) {
    return type < WEIR_GGUF_N_TYPES ? TYPES[type].name : "unknown";
}

const char *weir_gguf_type_name(const weir_gguf_kv *kv) {
    const type_row *row = &TYPES[kv->item_type];
    return kv->type == WEIR_GGUF_ARRAY ? row->array_name : row->name;
}

/* Item i, fixed size or string. */
static const uint8_t *item_at(const weir_gguf_kv *kv, uint64_t i) {
    if (kv->item_type != WEIR_GGUF_STRING)
        return kv->data + i * weir_gguf_item_bytes(kv->item_type);
    return kv->string_at ? kv->data + kv->string_at[i] : kv->data;
}

uint64_t weir_gguf_kv_bytes(const weir_gguf_kv *kv) {
    if (kv->n_items == 0)
        return 0;
    const uint8_t *last = item_at(kv, kv->n_items - 1);
    uint64_t last_bytes = kv->item_type == WEIR_GGUF_STRING ? 8 + weir_gguf_load(last, 8)
                                                            : weir_gguf_item_bytes(kv->item_type);
    return (uint64_t)(last - kv->data) + last_bytes;
}

/* ---- numbers ----------------------------------------------------------------------------------
 */

typedef enum number_kind { NO_INTEGER, UNSIGNED_INTEGER, SIGNED_INTEGER } number_kind;

static number_kind kind_of(weir_gguf_type type) {
    switch (type) {
    case WEIR_GGUF_U8:
    case WEIR_GGUF_U16:
    case WEIR_GGUF_U32:
    case WEIR_GGUF_U64:
        return UNSIGNED_INTEGER;
    case WEIR_GGUF_I8:
    case WEIR_GGUF_I16:
    case WEIR_GGUF_I32:
    case WEIR_GGUF_I64:
        return SIGNED_INTEGER;
    default:
        return NO_INTEGER;
    }
}

/* The bits of integer item i, sign-extended to 64 if its type is signed. */
static uint64_t integer_bits(const weir_gguf_kv *kv, uint64_t i) {
    size_t bytes = weir_gguf_item_bytes(kv->item_type);
    uint64_t bits = weir_gguf_load(item_at(kv, i), bytes);
    if (kind_of(kv->item_type) == SIGNED_INTEGER && bytes < 8 && bits >> (8 * bytes - 1) != 0)
        bits |= UINT64_MAX << (8 * bytes);
    return bits;
}

static int64_t as_signed(uint64_t bits) {
    int64_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool weir_gguf_as_u64(const weir_gguf_kv *kv, uint64_t i, uint64_t *out) {
    number_kind kind = kind_of(kv->item_type);
    if (i >= kv->n_items || kind == NO_INTEGER)
        return false;
    uint64_t bits = integer_bits(kv, i);
    if (kind == SIGNED_INTEGER && bits > (uint64_t)INT64_MAX)
        return false;
    *out = bits;
    return true;
}

bool weir_gguf_as_i64(const weir_gguf_kv *kv, uint64_t i, int64_t *out) {
    number_kind kind = kind_of(kv->item_type);
    if (i >= kv->n_items || kind == NO_INTEGER)
        return false;
    uint64_t bits = integer_bits(kv, i);
    if (kind == UNSIGNED_INTEGER && bits > (uint64_t)INT64_MAX)
        return false;
    *out = as_signed(bits);
    return true;
}

bool weir_gguf_as_f64(const weir_gguf_kv *kv, uint64_t i, double *out) {
    if (i >= kv->n_items)
        return false;
    if (kv->item_type == WEIR_GGUF_F32) {
        *out = (double)weir_bits_f32((uint32_t)weir_gguf_load(item_at(kv, i), 4));
        return true;
    }
    if (kv->item_type == WEIR_GGUF_F64) {
        uint64_t bits = weir_gguf_load(item_at(kv, i), 8);
        memcpy(out, &bits, sizeof *out);
        return true;
    }
    number_kind kind = kind_of(kv->item_type);
    if (kind == NO_INTEGER)
        return false;
    uint64_t bits = integer_bits(kv, i);
    *out = kind == SIGNED_INTEGER ? (double)as_signed(bits) : (double)bits;
    return true;
}

bool weir_gguf_as_bool(const weir_gguf_kv *kv, uint64_t i, bool *out) {
    if (i >= kv->n_items || kv->item_type != WEIR_GGUF_BOOL)
        return false;
    *out = *item_at(kv, i) != 0;
    return true;
}

bool weir_gguf_as_text(const weir_gguf_kv *kv, uint64_t i, weir_text *out) {
    if (i >= kv->n_items || kv->item_type != WEIR_GGUF_STRING)
        return false;
    const uint8_t *item = item_at(kv, i);
    out->data = (const char *)item + 8;
    out->size = (size_t)weir_gguf_load(item, 8);
    return true;
}

/* ---- text -------------------------------------------------------------------------------------
 */

/* Text in the making; n counts on when buf is full. */
typedef struct sink {
    char *buf; /* [cap] */
    size_t cap, n;
} sink;

static void put(sink *s, const char *data, size_t n) {
    if (s->n < s->cap && n > 0) {
        size_t room = s->cap - s->n;
        memcpy(s->buf + s->n, data, n < room ? n : room);
    }
    s->n += n;
}

static void put_text(sink *s, const char *text) {
    put(s, text, strlen(text));
}

/* The shortest decimal that reads back as the same number: 1e-05 and not 9.99999975e-06. */
static void put_float(sink *s, double value, bool is_f32) {
    char text[NUMBER_TEXT];
    if (isnan(value)) {
        put_text(s, "nan");
        return;
    }
    int most = is_f32 ? 9 : 17;
    for (int digits = is_f32 ? 6 : 15; digits <= most; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (is_f32 ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value)
            break;
    }
    put_text(s, text);
}

/* In quotes, on one line, cut between characters. */
static void put_quoted(sink *s, weir_text text) {
    size_t n = text.size;
    if (n > SHOWN_STRING) {
        n = SHOWN_STRING;
        while (n > 0 && ((uint8_t)text.data[n] & 0xc0u) == 0x80u)
            n--;
    }
    put_text(s, "\"");
    for (size_t i = 0; i < n; i++) {
        char c = text.data[i];
        char escape[8];
        if (c == '"' || c == '\\') {
            put(s, "\\", 1);
            put(s, &c, 1);
        } else if (c == '\n') {
            put_text(s, "\\n");
        } else if ((uint8_t)c < 0x20u || c == 0x7f) {
            snprintf(escape, sizeof escape, "\\x%02x", (unsigned)(uint8_t)c);
            put_text(s, escape);
        } else {
            put(s, &c, 1);
        }
    }
    put_text(s, n < text.size ? "...\"" : "\"");
}

static void put_item(sink *s, const weir_gguf_kv *kv, uint64_t i) {
    char text[NUMBER_TEXT];
    double real;
    int64_t integer;
    uint64_t natural;
    bool truth;
    weir_text string;
    if (weir_gguf_as_text(kv, i, &string)) {
        put(s, string.data, string.size);
    } else if (weir_gguf_as_bool(kv, i, &truth)) {
        put_text(s, truth ? "true" : "false");
    } else if (weir_gguf_as_u64(kv, i, &natural)) {
        snprintf(text, sizeof text, "%" PRIu64, natural);
        put_text(s, text);
    } else if (weir_gguf_as_i64(kv, i, &integer)) {
        snprintf(text, sizeof text, "%" PRId64, integer);
        put_text(s, text);
    } else if (weir_gguf_as_f64(kv, i, &real)) {
        put_float(s, real, kv->item_type == WEIR_GGUF_F32);
    }
}

void weir_gguf_format_item(const weir_gguf_kv *kv, uint64_t i, char *buf, size_t cap, size_t *n) {
    sink s = {buf, cap, 0};
    put_item(&s, kv, i);
    *n = s.n;
}

/* As it is shown among others. */
static void put_listed(sink *s, const weir_gguf_kv *kv, uint64_t i) {
    weir_text string;
    if (weir_gguf_as_text(kv, i, &string))
        put_quoted(s, string);
    else
        put_item(s, kv, i);
}

void weir_gguf_format_value(const weir_gguf_kv *kv, char *buf, size_t cap, size_t *n) {
    sink s = {buf, cap, 0};
    if (kv->type != WEIR_GGUF_ARRAY) {
        put_item(&s, kv, 0);
    } else {
        put_text(&s, "[");
        for (uint64_t i = 0; i < kv->n_items && i < SHOWN_ITEMS; i++) {
            if (i > 0)
                put_text(&s, ", ");
            put_listed(&s, kv, i);
        }
        if (kv->n_items > SHOWN_ITEMS) {
            char text[NUMBER_TEXT + 16];
            snprintf(text, sizeof text, ", ... %" PRIu64 " items", kv->n_items);
            put_text(&s, text);
        }
        put_text(&s, "]");
    }
    *n = s.n;
}
