/*
 * reply_value.c: literals in, JSON out.
 *
 * Owns the grammar of values: strings with their quotes and escapes, numbers, words, lists, tuples,
 * sets, dicts. Does not own calls (reply_calls.c) or how JSON is spelled (reply_json.c). Invariant:
 * the time is linear in the text over any sequence of reads and skips that go forward: a string is
 * looked through once, and one without an end is remembered.
 */
#include "text/reply_value.h"

#include "base/utf8.h"

#include <string.h>

bool weir_literal_is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_quote(char c) {
    return c == '"' || c == '\'';
}

static bool is_word_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (uint8_t)c >= 0x80u;
}

bool weir_literal_is_word_byte(char c) {
    return is_word_start(c) || is_digit(c) || c == '-' || c == '.';
}

static size_t behind_space(const weir_literal_reader *reader, size_t at) {
    while (at < reader->n && weir_literal_is_space(reader->text[at]))
        at++;
    return at;
}

static size_t behind_word(const weir_literal_reader *reader, size_t at) {
    while (at < reader->n && weir_literal_is_word_byte(reader->text[at]))
        at++;
    return at;
}

/* The byte at `at`, 0 behind the end. */
static char byte_at(const weir_literal_reader *reader, size_t at) {
    return at < reader->n ? reader->text[at] : '\0';
}

void weir_literal_skip_space(weir_literal_reader *reader) {
    reader->at = behind_space(reader, reader->at);
}

bool weir_literal_take(weir_literal_reader *reader, char byte) {
    if (reader->at == reader->n || reader->text[reader->at] != byte)
        return false;
    reader->at++;
    return true;
}

bool weir_literal_fail(weir_literal_reader *reader, const char *why) {
    if (!reader->why)
        reader->why = why;
    return false;
}

/* ---- where a string ends -------------------------------------------------------------------- */

/* Does an argument follow the comma before `at`, or nothing? */
static bool is_argument_next(const weir_literal_reader *reader, size_t at) {
    at = behind_space(reader, at);
    if (at >= reader->n || reader->text[at] == ')')
        return true;
    if (reader->text[at] == '*')
        return byte_at(reader, at + 1) == '*';
    size_t end = behind_word(reader, at);
    return end > at && byte_at(reader, behind_space(reader, end)) == '=';
}

/* Does a call end with the bracket before `at`? */
static bool is_call_over(const weir_literal_reader *reader, size_t at) {
    size_t next = behind_space(reader, at);
    if (next >= reader->n)
        return true;
    char c = reader->text[next];
    return c == ',' || c == ']' || c == ';' || memchr(reader->text + at, '\n', next - at) != NULL;
}

/* Does a key follow the comma before `at`, or nothing? */
static bool is_key_next(const weir_literal_reader *reader, size_t at) {
    at = behind_space(reader, at);
    if (at >= reader->n)
        return true;
    char c = reader->text[at];
    if (is_quote(c) || is_digit(c) || c == '-' || c == '}')
        return true;
    size_t end = behind_word(reader, at);
    return end > at && byte_at(reader, behind_space(reader, end)) == ':';
}

/* Can what stands at `at` follow the end of a string, other strings left aside? */
static bool is_end_of_place(const weir_literal_reader *reader, size_t at,
                            weir_literal_place place) {
    at = behind_space(reader, at);
    if (at >= reader->n)
        return true;
    char c = reader->text[at];
    switch (place) {
    case WEIR_LITERAL_ARGUMENT:
        return (c == ',' && is_argument_next(reader, at + 1)) ||
               (c == ')' && is_call_over(reader, at + 1));
    case WEIR_LITERAL_ITEM:
        return c == ',' || c == ']' || c == ')' || c == '}';
    case WEIR_LITERAL_KEY:
        return c == ':' || c == ',' || c == '}'; /* the latter two end an item of a set */
    case WEIR_LITERAL_MEMBER:
        return c == '}' || (c == ',' && is_key_next(reader, at + 1));
    case WEIR_LITERAL_ANY:
        break;
    }
    return c != '\0' && strchr(",:)]}", c) != NULL;
}

/* Is the quote before `at` the end of its string? The next literal may follow at once, as in
 * Python; but of two equal quotes with an end behind them the second one is it. */
static bool is_end_of_string(const weir_literal_reader *reader, size_t at, char quote,
                             weir_literal_place place) {
    if (byte_at(reader, at) == quote && is_end_of_place(reader, at + 1, place))
        return false;
    return is_quote(byte_at(reader, behind_space(reader, at))) ||
           is_end_of_place(reader, at, place);
}

/* One or three of `quote` at `at`? */
static bool is_quote_at(const weir_literal_reader *reader, size_t at, char quote, size_t width) {
    for (size_t i = 0; i < width; i++)
        if (byte_at(reader, at + i) != quote)
            return false;
    return true;
}

/* Finds the closing quote of a string whose text begins at reader->at. */
static bool find_close(weir_literal_reader *reader, char quote, size_t width,
                       weir_literal_place place, size_t *close) {
    size_t *unclosed = &reader->unclosed[(quote == '"') + (width == 3 ? 2 : 0)][place];
    if (*unclosed > 0 && reader->at + 1 >= *unclosed)
        return false;
    bool has_inner = false;
    for (size_t i = reader->at; i < reader->n; i++) {
        if (reader->text[i] == '\\') {
            i++;
        } else if (is_quote_at(reader, i, quote, width)) {
            if (is_end_of_string(reader, i + width, quote, place)) {
                reader->has_inner_quotes |= has_inner;
                *close = i;
                return true;
            }
            has_inner = true;
        }
    }
    *unclosed = reader->at + 1;
    if (!reader->has_unclosed_string)
        reader->first_unclosed = reader->at;
    reader->has_unclosed_string = true;
    return false;
}

/* ---- strings -------------------------------------------------------------------------------- */

static int hex_digit(char c) {
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Exactly n_digits at text [n]. */
static bool read_hex(const char *text, size_t n, size_t n_digits, uint32_t *value) {
    if (n < n_digits)
        return false;
    *value = 0;
    for (size_t i = 0; i < n_digits; i++) {
        int digit = hex_digit(text[i]);
        if (digit < 0)
            return false;
        *value = *value << 4 | (uint32_t)digit;
    }
    return true;
}

static size_t read_octal(const char *text, size_t n, uint32_t *value) {
    size_t i = 0;
    *value = 0;
    for (; i < 3 && i < n && text[i] >= '0' && text[i] <= '7'; i++)
        *value = *value << 3 | (uint32_t)(text[i] - '0');
    return i;
}

/* \uXXXX, where two halves of a surrogate pair are one code point. Returns the bytes used. */
static size_t read_utf16(const char *text, size_t n, uint32_t *code) {
    uint32_t low;
    if (n < 2 || !read_hex(text + 2, n - 2, 4, code))
        return 0;
    bool is_pair = *code >= 0xd800u && *code <= 0xdbffu && n >= 12 && text[6] == '\\' &&
                   text[7] == 'u' && read_hex(text + 8, n - 8, 4, &low) && low >= 0xdc00u &&
                   low <= 0xdfffu;
    if (is_pair)
        *code = 0x10000u + ((*code - 0xd800u) << 10) + (low - 0xdc00u);
    return is_pair ? 12 : 6;
}

/* What one letter behind the backslash means; false: nothing in Python. */
static bool simple_escape(char letter, uint32_t *code) {
    static const char letters[] = "\\'\"nrtabfv";
    static const char values[] = "\\'\"\n\r\t\a\b\f\v";
    const char *found = letter ? strchr(letters, letter) : NULL;
    if (!found)
        return false;
    *code = (uint8_t)values[found - letters];
    return true;
}

enum { NO_CODE = 0x7fffffff }; /* an escape that stands for nothing: a continued line */

/* The escape at text [n], which begins with a backslash. Returns the bytes used, 0: none that
 * Python or JSON knows. */
static size_t read_escape(const weir_literal_reader *reader, const char *text, size_t n,
                          uint32_t *code) {
    char letter = n > 1 ? text[1] : '\0';
    size_t n_octal;
    if (simple_escape(letter, code))
        return 2;
    switch (letter) {
    case '/':
        *code = '/';
        return reader->is_json ? 2 : 0;
    case '\n':
        *code = NO_CODE;
        return 2;
    case 'x':
        return read_hex(text + 2, n - 2, 2, code) ? 4 : 0;
    case 'u':
        return read_utf16(text, n, code);
    case 'U':
        return read_hex(text + 2, n - 2, 8, code) && *code <= 0x10ffffu ? 10 : 0;
    default:
        n_octal = read_octal(text + 1, n - 1, code);
        return n_octal > 0 ? 1 + n_octal : 0;
    }
}

static void write_body(weir_literal_reader *reader, const char *text, size_t n, bool is_raw) {
    for (size_t at = 0; at < n;) {
        uint32_t code;
        size_t used = 0;
        if (text[at] == '\\' && !is_raw)
            used = read_escape(reader, text + at, n - at, &code);
        if (used == 0)
            weir_utf8_step(text + at, n - at, &code, &used);
        if (code == NO_CODE) {
            at += used;
            continue;
        }
        /* A lone surrogate is no text; encoding makes it U+FFFD. */
        weir_json_put_code(reader->json, code);
        at += used;
    }
}

void weir_literal_write_text(weir_literal_reader *reader, const char *text, size_t n) {
    write_body(reader, text, n, false);
}

/* Bytes of a prefix as in r'..' or b".." before the quote at the end of it; n_prefix + 1 <= 3. */
static bool is_string_next(const weir_literal_reader *reader, size_t *n_prefix, bool *is_raw) {
    *is_raw = false;
    for (size_t i = 0; i < 3; i++) {
        char c = byte_at(reader, reader->at + i);
        if (is_quote(c)) {
            *n_prefix = i;
            return true;
        }
        if (c == '\0' || !strchr("rRbBuUfF", c))
            return false;
        *is_raw |= c == 'r' || c == 'R';
    }
    return false;
}

/* One literal of those that stand side by side. */
static bool read_string_part(weir_literal_reader *reader, weir_literal_place place, size_t n_prefix,
                             bool is_raw) {
    size_t start = reader->at, close;
    char quote = reader->text[start + n_prefix];
    size_t width = is_quote_at(reader, start + n_prefix, quote, 3) ? 3 : 1;
    reader->at += n_prefix + width;
    if (!find_close(reader, quote, width, place, &close)) {
        reader->at = start;
        return weir_literal_fail(reader, "a string without an end");
    }
    write_body(reader, reader->text + reader->at, close - reader->at, is_raw);
    reader->at = close + width;
    return true;
}

static bool read_string(weir_literal_reader *reader, weir_literal_place place) {
    size_t n_prefix, end;
    bool is_raw;
    weir_reply_put(&reader->json->text, "\"", 1);
    do {
        if (!is_string_next(reader, &n_prefix, &is_raw) ||
            !read_string_part(reader, place, n_prefix, is_raw))
            return false;
        end = reader->at;
        weir_literal_skip_space(reader);
    } while (is_quote(byte_at(reader, reader->at)));
    reader->at = end;
    weir_reply_put(&reader->json->text, "\"", 1);
    return true;
}

/* ---- numbers and words ---------------------------------------------------------------------- */

/* The end of a run of digits of `base`, with single underscores between them. */
static size_t behind_digits(const weir_literal_reader *reader, size_t at, int base) {
    size_t start = at;
    for (;; at++) {
        char c = byte_at(reader, at);
        bool is_between = c == '_' && at > start && reader->text[at - 1] != '_';
        int digit = is_between ? hex_digit(byte_at(reader, at + 1)) : hex_digit(c);
        if (digit < 0 || digit >= base)
            return at;
    }
}

static void put_digits(weir_literal_reader *reader, size_t from, size_t to) {
    for (size_t at = from; at < to;) {
        const char *mark = memchr(reader->text + at, '_', to - at);
        size_t end = mark ? (size_t)(mark - reader->text) : to;
        weir_reply_put(&reader->json->text, reader->text + at, end - at);
        at = mark ? end + 1 : to;
    }
}

/* 0xff, 0o17, 0b1: as a decimal number, of 64 bits at most. */
static bool read_based(weir_literal_reader *reader, size_t at, int base) {
    static const char digits[] = "0123456789";
    size_t end = behind_digits(reader, at, base);
    uint64_t value = 0;
    if (end == at)
        return weir_literal_fail(reader, "a number without digits");
    for (; at < end; at++) {
        if (reader->text[at] == '_')
            continue;
        if (value > (UINT64_MAX - 15) / (uint64_t)base)
            return weir_literal_fail(reader, "a number of more than 64 bits that is not decimal");
        value = value * (uint64_t)base + (uint64_t)hex_digit(reader->text[at]);
    }
    char decimal[20];
    size_t n = sizeof decimal;
    do
        decimal[--n] = digits[value % 10];
    while ((value /= 10) > 0);
    weir_reply_put(&reader->json->text, decimal + n, sizeof decimal - n);
    reader->at = end;
    return true;
}

/* Digits, maybe with a fraction and an exponent: written as they are, but for what JSON forbids. */
static bool read_decimal(weir_literal_reader *reader, size_t at) {
    weir_reply_text *out = &reader->json->text;
    size_t end = behind_digits(reader, at, 10);
    size_t n_whole = end - at, fraction = end, fraction_end = end;
    if (byte_at(reader, end) == '.') {
        fraction = end + 1;
        fraction_end = end = behind_digits(reader, fraction, 10);
    }
    if (n_whole == 0 && fraction == fraction_end)
        return weir_literal_fail(reader, "expected a value");
    size_t whole = at;
    while (n_whole > 1 && (reader->text[whole] == '0' || reader->text[whole] == '_')) {
        whole++;
        n_whole--;
        reader->has_leading_zeros = true;
    }
    put_digits(reader, whole, whole + n_whole);
    if (n_whole == 0)
        weir_reply_put(out, "0", 1);
    if (fraction > whole + n_whole) {
        weir_reply_put(out, ".", 1);
        put_digits(reader, fraction, fraction_end);
        if (fraction == fraction_end)
            weir_reply_put(out, "0", 1);
    }
    char c = byte_at(reader, end);
    if (c == 'e' || c == 'E') {
        size_t sign = end + 1, digits = sign;
        if (byte_at(reader, sign) == '+' || byte_at(reader, sign) == '-')
            digits++;
        size_t digits_end = behind_digits(reader, digits, 10);
        if (digits_end > digits) {
            weir_reply_put(out, reader->text + end, digits - end);
            put_digits(reader, digits, digits_end);
            end = digits_end;
        }
    }
    reader->at = end;
    return true;
}

static int base_of(char letter) {
    switch (letter) {
    case 'x':
    case 'X':
        return 16;
    case 'o':
    case 'O':
        return 8;
    case 'b':
    case 'B':
        return 2;
    default:
        return 10;
    }
}

static bool read_number(weir_literal_reader *reader) {
    size_t start = reader->at, at = start;
    char sign = reader->text[at];
    if (sign == '-' || sign == '+')
        at++;
    if (sign == '-')
        weir_reply_put(&reader->json->text, "-", 1);
    int base = byte_at(reader, at) == '0' ? base_of(byte_at(reader, at + 1)) : 10;
    if (!(base == 10 ? read_decimal(reader, at) : read_based(reader, at + 2, base)))
        return false;
    if (weir_literal_is_word_byte(byte_at(reader, reader->at))) {
        reader->at = start;
        return weir_literal_fail(reader, "expected a value"); /* 10px, 1.2.3, 1j */
    }
    return true;
}

/* JSON's word for a word of Python or JSON, NULL: neither knows it. */
static const char *json_word(const char *word, size_t n) {
    static const struct {
        const char *word, *json;
    } words[] = {{"True", "true"},   {"true", "true"}, {"False", "false"},
                 {"false", "false"}, {"None", "null"}, {"null", "null"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].word) == n && memcmp(words[i].word, word, n) == 0)
            return words[i].json;
    return NULL;
}

static bool read_word(weir_literal_reader *reader) {
    size_t end = behind_word(reader, reader->at);
    const char *word = json_word(reader->text + reader->at, end - reader->at);
    if (!word)
        return weir_literal_fail(reader, "expected a value");
    weir_reply_put(&reader->json->text, word, strlen(word));
    reader->at = end;
    return true;
}

/* ---- containers ----------------------------------------------------------------------------- */

static bool open_bracket(weir_literal_reader *reader) {
    if (reader->n_open >= WEIR_LITERAL_MAX_DEPTH)
        return weir_literal_fail(reader, "nested too deep");
    reader->at++;
    reader->n_open++;
    weir_literal_skip_space(reader);
    return true;
}

static bool close_bracket(weir_literal_reader *reader, char bracket) {
    if (!weir_literal_take(reader, bracket))
        return weir_literal_fail(reader, "expected a comma or the closing bracket");
    reader->n_open--;
    return true;
}

/* Items up to the closing bracket, which stays. *has_comma: was there one? */
static bool read_items(weir_literal_reader *reader, char bracket, bool *has_comma) {
    *has_comma = false;
    while (byte_at(reader, reader->at) != bracket) {
        if (!weir_literal_read(reader, WEIR_LITERAL_ITEM))
            return false;
        weir_literal_skip_space(reader);
        if (!weir_literal_take(reader, ','))
            break;
        *has_comma = true;
        weir_literal_skip_space(reader);
        if (byte_at(reader, reader->at) != bracket)
            weir_reply_put(&reader->json->text, ", ", 2);
    }
    return true;
}

static bool read_list(weir_literal_reader *reader, char bracket) {
    weir_reply_text *out = &reader->json->text;
    size_t at = out->n;
    bool has_comma;
    if (!open_bracket(reader))
        return false;
    bool is_empty = byte_at(reader, reader->at) == bracket;
    weir_reply_put(out, "[", 1);
    if (!read_items(reader, bracket, &has_comma) || !close_bracket(reader, bracket))
        return false;
    if (bracket == ')' && !has_comma && !is_empty) {
        /* Brackets around one value are no tuple. */
        if (!out->is_out_of_memory) {
            memmove(out->data + at, out->data + at + 1, out->n - at - 1);
            out->n--;
        }
        return true;
    }
    weir_reply_put(out, "]", 1);
    return true;
}

/* Writes the word at the reader as a string: a key without quotes. */
static bool read_bare_key(weir_literal_reader *reader) {
    size_t end = behind_word(reader, reader->at);
    if (!is_word_start(reader->text[reader->at]) ||
        json_word(reader->text + reader->at, end - reader->at) ||
        byte_at(reader, behind_space(reader, end)) != ':')
        return false;
    weir_json_put_string(reader->json, reader->text + reader->at, end - reader->at);
    reader->at = end;
    return true;
}

/* Makes the value at `at` a string, as json.dumps does with keys. */
static bool make_key(weir_literal_reader *reader, size_t at) {
    weir_reply_text *out = &reader->json->text;
    if (out->is_out_of_memory || out->data[at] == '"')
        return true;
    if (out->data[at] == '[' || out->data[at] == '{')
        return weir_literal_fail(reader, "a key that is no string, number or word");
    weir_reply_put(out, "\"\"", 2);
    if (!out->is_out_of_memory) {
        memmove(out->data + at + 1, out->data + at, out->n - at - 2);
        out->data[at] = '"';
    }
    return true;
}

/* Reads what may be a key or, in a set, an item. */
static bool read_key_value(weir_literal_reader *reader) {
    if (reader->at == reader->n)
        return weir_literal_fail(reader, "expected a key");
    return read_bare_key(reader) || weir_literal_read(reader, WEIR_LITERAL_KEY);
}

static bool take_colon(weir_literal_reader *reader, size_t key) {
    weir_literal_skip_space(reader);
    if (!weir_literal_take(reader, ':'))
        return weir_literal_fail(reader, "expected a colon");
    weir_literal_skip_space(reader);
    return make_key(reader, key);
}

bool weir_literal_read_key(weir_literal_reader *reader) {
    size_t key = reader->json->text.n;
    return read_key_value(reader) && take_colon(reader, key);
}

/* The rest of a set whose first item is written behind the brace at `at`. */
static bool read_set(weir_literal_reader *reader, size_t at) {
    weir_reply_text *out = &reader->json->text;
    bool has_comma;
    if (weir_literal_take(reader, ',')) {
        weir_literal_skip_space(reader);
        if (byte_at(reader, reader->at) != '}')
            weir_reply_put(out, ", ", 2);
        if (!read_items(reader, '}', &has_comma))
            return false;
    }
    if (!close_bracket(reader, '}'))
        return false;
    if (!out->is_out_of_memory)
        out->data[at] = '[';
    weir_reply_put(out, "]", 1);
    return true;
}

/* A dict or a set: the first item tells. */
static bool read_braces(weir_literal_reader *reader) {
    weir_reply_json *json = reader->json;
    if (!open_bracket(reader))
        return false;
    weir_json_object object = weir_json_open(json);
    while (byte_at(reader, reader->at) != '}') {
        weir_json_next(json, &object);
        size_t key = json->text.n;
        bool is_first = json->n_members == object.first_member;
        if (!read_key_value(reader))
            return false;
        weir_literal_skip_space(reader);
        char c = byte_at(reader, reader->at);
        if (is_first && (c == ',' || c == '}'))
            return read_set(reader, object.at);
        if (!take_colon(reader, key))
            return false;
        weir_json_key_end(json, key);
        if (!weir_literal_read(reader, WEIR_LITERAL_MEMBER))
            return false;
        weir_json_value_end(json);
        weir_literal_skip_space(reader);
        if (!weir_literal_take(reader, ','))
            break;
        weir_literal_skip_space(reader);
    }
    if (!close_bracket(reader, '}'))
        return false;
    weir_json_close(json, &object);
    return true;
}

bool weir_literal_read(weir_literal_reader *reader, weir_literal_place place) {
    size_t n_prefix;
    bool is_raw;
    char c = byte_at(reader, reader->at);
    if (c == '[' || c == '(')
        return read_list(reader, c == '[' ? ']' : ')');
    if (c == '{')
        return read_braces(reader);
    if (is_string_next(reader, &n_prefix, &is_raw))
        return read_string(reader, place);
    if (is_digit(c) || c == '-' || c == '+' || c == '.')
        return read_number(reader);
    return read_word(reader);
}

/* ---- going on behind a failure --------------------------------------------------------------- */

bool weir_literal_skip_to(weir_literal_reader *reader, size_t n_open) {
    while (reader->at < reader->n) {
        char c = reader->text[reader->at];
        bool is_closing = c == ')' || c == ']' || c == '}';
        if (reader->n_open <= n_open && (is_closing || c == ',' || c == ';')) {
            reader->n_open = n_open;
            return true;
        }
        reader->at++;
        if (c == '[' || c == '(' || c == '{') {
            reader->n_open++;
        } else if (is_closing) {
            reader->n_open--;
        } else if (is_quote(c)) {
            size_t close;
            if (!find_close(reader, c, 1, WEIR_LITERAL_ANY, &close))
                return false;
            reader->at = close + 1;
        }
    }
    return false;
}
