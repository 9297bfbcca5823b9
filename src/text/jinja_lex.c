/*
 * jinja_lex.c: finds the tags in a template and the tokens in the tags.
 *
 * Owns the white space rules and the escapes in strings. Knows no grammar but which brackets are
 * open: inside them `}}` and `%}` end nothing. Invariant: `line` is 1 + the newlines before `at`.
 */
#include "text/jinja_lex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "text/jinja_text.h"

typedef struct lex_operator {
    char text[3];
    uint8_t kind;
} lex_operator;

/* Longer ones first. */
static const lex_operator OPERATORS[] = {
    {"//", WEIR_LEX_FLOOR_DIV},  {"**", WEIR_LEX_POW},         {"==", WEIR_LEX_EQ},
    {"!=", WEIR_LEX_NE},         {"<=", WEIR_LEX_LE},          {">=", WEIR_LEX_GE},
    {"+", WEIR_LEX_ADD},         {"-", WEIR_LEX_SUB},          {"*", WEIR_LEX_MUL},
    {"/", WEIR_LEX_DIV},         {"%", WEIR_LEX_MOD},          {"~", WEIR_LEX_TILDE},
    {"<", WEIR_LEX_LT},          {">", WEIR_LEX_GT},           {"=", WEIR_LEX_ASSIGN},
    {".", WEIR_LEX_DOT},         {":", WEIR_LEX_COLON},        {"|", WEIR_LEX_PIPE},
    {",", WEIR_LEX_COMMA},       {";", WEIR_LEX_SEMICOLON},    {"(", WEIR_LEX_LEFT_PAREN},
    {")", WEIR_LEX_RIGHT_PAREN}, {"[", WEIR_LEX_LEFT_BRACKET}, {"]", WEIR_LEX_RIGHT_BRACKET},
    {"{", WEIR_LEX_LEFT_BRACE},  {"}", WEIR_LEX_RIGHT_BRACE},
};

const char *weir_lex_kind_text(weir_lex_kind kind) {
    static const char *const texts[] = {
#define WEIR_LEX_TEXT(kind, text) text,
        WEIR_LEX_MAP(WEIR_LEX_TEXT)
#undef WEIR_LEX_TEXT
    };
    return texts[kind];
}

const char *weir_lex_describe(const weir_lex_token *token, char out[WEIR_LEX_DESCRIBE_ROOM]) {
    if (token->kind != WEIR_LEX_NAME)
        return weir_lex_kind_text(token->kind);
    snprintf(out, WEIR_LEX_DESCRIBE_ROOM, "%.*s",
             token->n < WEIR_LEX_DESCRIBE_ROOM ? (int)token->n : WEIR_LEX_DESCRIBE_ROOM,
             token->text);
    return out;
}

weir_status weir_jinja_fail_at(const weir_jinja_source *source, uint32_t line, weir_status status,
                               weir_error *err, const char *format, ...) {
    char what[WEIR_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return weir_fail(err, status, "%s: line %u: %s", source->name, line, what);
}

void weir_jinja_lexer_begin(weir_jinja_lexer *lexer, const weir_jinja_source *source,
                            weir_jinja_pool *pool, weir_error *err) {
    *lexer = (weir_jinja_lexer){
        .source = source, .pool = pool, .err = err, .line = 1, .inside = WEIR_LEX_END};
}

/* ---- places in the source ------------------------------------------------------------------- */

static const char *rest(const weir_jinja_lexer *lexer) {
    return lexer->source->text + lexer->at;
}

static size_t n_rest(const weir_jinja_lexer *lexer) {
    return lexer->source->n - lexer->at;
}

/* Byte i from here, 0 behind the end. */
static char peek(const weir_jinja_lexer *lexer, size_t i) {
    return i < n_rest(lexer) ? rest(lexer)[i] : '\0';
}

static bool starts_with(const weir_jinja_lexer *lexer, const char *text) {
    size_t n = strlen(text);
    return n_rest(lexer) >= n && memcmp(rest(lexer), text, n) == 0;
}

static void move(weir_jinja_lexer *lexer, size_t n) {
    for (const char *c = rest(lexer), *end = c + n; c < end; c++)
        lexer->line += *c == '\n';
    lexer->at += n;
}

/* Bytes of the white space that text [n] begins with. */
static size_t space_length(const char *text, size_t n) {
    size_t at = 0;
    while (at < n) {
        size_t next = at;
        if (!weir_jinja_is_space(weir_jinja_next_char(text, n, &next)))
            break;
        at = next;
    }
    return at;
}

static void skip_space(weir_jinja_lexer *lexer) {
    move(lexer, space_length(rest(lexer), n_rest(lexer)));
}

static weir_status fail(const weir_jinja_lexer *lexer, const char *what) {
    return weir_jinja_fail_at(lexer->source, lexer->line, WEIR_STATUS_BAD_FILE, lexer->err, "%s",
                              what);
}

static weir_lex_token token_at(const weir_jinja_lexer *lexer, weir_lex_kind kind, size_t n) {
    return (weir_lex_token){.kind = kind, .line = lexer->line, .text = rest(lexer), .n = n};
}

/* ---- text and the white space around tags --------------------------------------------------- */

/* Length of text [n] without the white space at its end. */
static size_t stripped_length(const char *text, size_t n) {
    while (n > 0) {
        size_t before = weir_jinja_char_before(text, n), at = before;
        if (!weir_jinja_is_space(weir_jinja_next_char(text, n, &at)))
            break;
        n = before;
    }
    return n;
}

/* Length of text [n], which ends where a tag begins, without the blanks between the beginning of
 * the tag's line and the tag, if there is nothing else. */
static size_t length_before_line(const char *text, size_t n, bool begins_line) {
    size_t start = n;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    bool is_line = start > 0 || begins_line;
    return is_line && space_length(text + start, n - start) == n - start ? start : n;
}

/* What is left of text [n] at the lexer's place before a tag with this sign. */
static size_t kept_length(const weir_jinja_lexer *lexer, size_t n, char sign, bool is_variable) {
    if (sign == '-')
        return stripped_length(rest(lexer), n);
    if (sign == '+' || is_variable)
        return n;
    bool begins_line = lexer->at == 0 || rest(lexer)[-1] == '\n';
    return length_before_line(rest(lexer), n, begins_line);
}

static char sign_at(const weir_jinja_lexer *lexer, size_t i) {
    char c = peek(lexer, i);
    return c == '-' || c == '+' ? c : '\0';
}

/* Bytes from here to the next "{{", "{%" or "{#"; all that is left if there is none. */
static size_t length_to_tag(const weir_jinja_lexer *lexer) {
    size_t n = n_rest(lexer);
    for (size_t i = 0; i + 1 < n; i++) {
        const char *brace = memchr(rest(lexer) + i, '{', n - 1 - i);
        if (brace == NULL)
            break;
        i = (size_t)(brace - rest(lexer));
        if (brace[1] == '{' || brace[1] == '%' || brace[1] == '#')
            return i;
    }
    return n;
}

/* The end of a block tag or comment, at its closing bracket or the sign before it: `-` takes the
 * white space behind it along, none the newline. */
static void move_behind_end(weir_jinja_lexer *lexer) {
    char sign = sign_at(lexer, 0);
    move(lexer, sign == '\0' ? 2 : 3);
    if (sign == '-')
        skip_space(lexer);
    else if (sign == '\0' && peek(lexer, 0) == '\n')
        move(lexer, 1);
}

/* At "{#". */
static weir_status skip_comment(weir_jinja_lexer *lexer) {
    size_t start = sign_at(lexer, 2) == '\0' ? 2 : 3;
    for (size_t i = start; i + 1 < n_rest(lexer); i++) {
        if (rest(lexer)[i] != '#' || rest(lexer)[i + 1] != '}')
            continue;
        bool has_sign = i > start && sign_at(lexer, i - 1) != '\0';
        move(lexer, has_sign ? i - 1 : i);
        move_behind_end(lexer);
        return WEIR_STATUS_OK;
    }
    return fail(lexer, "the comment that begins here is not closed, expected #}");
}

/* If the tag at byte i from here, "{%" there, is `word` alone: the bytes up to behind the word and
 * the white space around it; else 0. */
static size_t word_tag(const weir_jinja_lexer *lexer, size_t i, const char *word) {
    size_t n = n_rest(lexer), at = i + (sign_at(lexer, i + 2) == '\0' ? 2 : 3),
           n_word = strlen(word);
    at += at < n ? space_length(rest(lexer) + at, n - at) : 0;
    if (at > n || n - at < n_word || memcmp(rest(lexer) + at, word, n_word) != 0)
        return 0;
    at += n_word;
    return at + space_length(rest(lexer) + at, n - at);
}

/* At "{%": if this is a raw tag moves behind it. As in Jinja2 a newline behind it stays. */
static bool skip_raw_tag(weir_jinja_lexer *lexer) {
    size_t n = word_tag(lexer, 0, "raw");
    if (n == 0 || peek(lexer, n) == '+')
        return false;
    bool is_stripped = peek(lexer, n) == '-';
    size_t end = n + is_stripped;
    if (peek(lexer, end) != '%' || peek(lexer, end + 1) != '}')
        return false;
    move(lexer, end + 2);
    if (is_stripped)
        skip_space(lexer);
    return true;
}

/* Behind a raw tag. */
static weir_status lex_raw(weir_jinja_lexer *lexer, uint32_t line, weir_lex_token *out) {
    for (size_t i = 0; i + 1 < n_rest(lexer); i++) {
        if (rest(lexer)[i] != '{' || rest(lexer)[i + 1] != '%')
            continue;
        size_t end = word_tag(lexer, i, "endraw");
        size_t close = end + (end > 0 && sign_at(lexer, end) != '\0');
        if (end == 0 || peek(lexer, close) != '%' || peek(lexer, close + 1) != '}')
            continue;
        *out = token_at(lexer, WEIR_LEX_DATA, kept_length(lexer, i, sign_at(lexer, i + 2), false));
        move(lexer, end);
        move_behind_end(lexer);
        return WEIR_STATUS_OK;
    }
    lexer->line = line;
    return fail(lexer, "the raw block that begins here is not closed, expected {% endraw %}");
}

/* Text, or the beginning of a tag. Comments and empty text are passed over. */
static weir_status lex_outside(weir_jinja_lexer *lexer, weir_lex_token *out) {
    for (;;) {
        size_t n = length_to_tag(lexer);
        bool is_tag = n < n_rest(lexer);
        char kind = peek(lexer, n + 1);
        if (n > 0) {
            size_t kept = is_tag ? kept_length(lexer, n, sign_at(lexer, n + 2), kind == '{') : n;
            *out = token_at(lexer, WEIR_LEX_DATA, kept);
            move(lexer, n);
            if (kept > 0)
                return WEIR_STATUS_OK;
        }
        if (!is_tag) {
            *out = token_at(lexer, WEIR_LEX_END, 0);
            return WEIR_STATUS_OK;
        }
        uint32_t line = lexer->line;
        if (kind == '%' && skip_raw_tag(lexer)) {
            WEIR_TRY(lex_raw(lexer, line, out));
            if (out->n > 0)
                return WEIR_STATUS_OK;
        } else if (kind == '#') {
            WEIR_TRY(skip_comment(lexer));
        } else {
            bool is_block = kind == '%';
            *out = token_at(lexer, is_block ? WEIR_LEX_BLOCK_BEGIN : WEIR_LEX_VARIABLE_BEGIN, 2);
            lexer->inside = is_block ? WEIR_LEX_BLOCK_END : WEIR_LEX_VARIABLE_END;
            move(lexer, sign_at(lexer, 2) == '\0' ? 2 : 3);
            return WEIR_STATUS_OK;
        }
    }
}

/* ---- inside tags ---------------------------------------------------------------------------- */

static bool lex_tag_end(weir_jinja_lexer *lexer, weir_lex_token *out) {
    bool is_block = lexer->inside == WEIR_LEX_BLOCK_END;
    char sign = sign_at(lexer, 0);
    size_t at = sign == '\0' ? 0 : 1;
    if (lexer->n_brackets > 0 || (sign == '+' && !is_block) ||
        peek(lexer, at) != (is_block ? '%' : '}') || peek(lexer, at + 1) != '}')
        return false;
    *out = token_at(lexer, lexer->inside, at + 2);
    lexer->inside = WEIR_LEX_END;
    if (is_block) {
        move_behind_end(lexer);
    } else {
        move(lexer, at + 2);
        if (sign == '-')
            skip_space(lexer);
    }
    return true;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* What begins a name and, with digits, goes on in it. Any letter beyond ASCII is taken. */
static bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (uint8_t)c >= 0x80;
}

/* Digits of a base at byte i from here, one underscore between two; how many bytes. */
static size_t digits_length(const weir_jinja_lexer *lexer, size_t i, const char *digits) {
    size_t n = 0;
    for (;;) {
        size_t skip = n > 0 && peek(lexer, i + n) == '_';
        char c = peek(lexer, i + n + skip);
        if (c == '\0' || strchr(digits, c) == NULL)
            return n;
        n += skip + 1;
    }
}

static const char DECIMAL[] = "0123456789";

/* Bytes of the exponent at byte i from here, or 0. */
static size_t exponent_length(const weir_jinja_lexer *lexer, size_t i) {
    if (peek(lexer, i) != 'e' && peek(lexer, i) != 'E')
        return 0;
    size_t sign = sign_at(lexer, i + 1) != '\0';
    size_t n = digits_length(lexer, i + 1 + sign, DECIMAL);
    return n == 0 ? 0 : 1 + sign + n;
}

/* A float, unless a dot stands before it: a.0.1 is two steps into a, not one. */
static size_t float_length(const weir_jinja_lexer *lexer) {
    if (lexer->at > 0 && rest(lexer)[-1] == '.')
        return 0;
    size_t n = digits_length(lexer, 0, DECIMAL);
    size_t fraction = peek(lexer, n) == '.' ? digits_length(lexer, n + 1, DECIMAL) : 0;
    size_t with_fraction = fraction > 0 ? n + 1 + fraction : n;
    size_t exponent = exponent_length(lexer, with_fraction);
    return fraction > 0 || exponent > 0 ? with_fraction + exponent : 0;
}

static size_t integer_length(const weir_jinja_lexer *lexer) {
    if (peek(lexer, 0) != '0')
        return digits_length(lexer, 0, DECIMAL);
    static const struct {
        char letters[3];
        const char *digits;
    } bases[] = {{"bB", "01"}, {"oO", "01234567"}, {"xX", "0123456789abcdefABCDEF"}};
    for (size_t i = 0; i < WEIR_COUNT(bases); i++) {
        char c = peek(lexer, 1);
        if (c == bases[i].letters[0] || c == bases[i].letters[1]) {
            size_t skip = peek(lexer, 2) == '_';
            size_t n = digits_length(lexer, 2 + skip, bases[i].digits);
            return n > 0 ? 2 + skip + n : 1;
        }
    }
    return digits_length(lexer, 0, "0");
}

static void lex_number(weir_jinja_lexer *lexer, weir_lex_token *out) {
    size_t n = float_length(lexer);
    *out = n > 0 ? token_at(lexer, WEIR_LEX_FLOAT, n)
                 : token_at(lexer, WEIR_LEX_INTEGER, integer_length(lexer));
    move(lexer, out->n);
}

static void lex_name(weir_jinja_lexer *lexer, weir_lex_token *out) {
    size_t n = 1;
    while ((is_name_start(peek(lexer, n)) || is_digit(peek(lexer, n))) &&
           space_length(rest(lexer) + n, n_rest(lexer) - n) == 0)
        n++;
    *out = token_at(lexer, WEIR_LEX_NAME, n);
    move(lexer, n);
}

/* ---- strings -------------------------------------------------------------------------------- */

static int digit_value(char c, int base) {
    int value = is_digit(c)            ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : 16;
    return value < base ? value : -1;
}

/* At most max_digits digits of text [n] from *at on, which moves behind them; how many there were.
 */
static size_t read_digits(const char *text, size_t n, size_t *at, size_t max_digits, int base,
                          uint32_t *value) {
    size_t n_digits = 0;
    *value = 0;
    while (n_digits < max_digits && *at < n && digit_value(text[*at], base) >= 0) {
        *value = *value * (uint32_t)base + (uint32_t)digit_value(text[*at], base);
        (*at)++;
        n_digits++;
    }
    return n_digits;
}

/* The code point of \x, \u, \U or an octal escape whose letter is text[*at - 1]. */
static weir_status read_code(weir_jinja_lexer *lexer, const char *text, size_t n, size_t *at,
                             uint32_t *code) {
    char letter = text[*at - 1];
    if (digit_value(letter, 8) >= 0) {
        (*at)--;
        read_digits(text, n, at, 3, 8, code);
        return WEIR_STATUS_OK;
    }
    size_t n_digits = letter == 'x' ? 2 : letter == 'u' ? 4 : 8;
    if (read_digits(text, n, at, n_digits, 16, code) != n_digits)
        return weir_jinja_fail_at(lexer->source, lexer->line, WEIR_STATUS_BAD_FILE, lexer->err,
                                  "\\%c in a string is not followed by %zu hexadecimal digits",
                                  letter, n_digits);
    if (*code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
        return weir_jinja_fail_at(lexer->source, lexer->line, WEIR_STATUS_BAD_FILE, lexer->err,
                                  "\\%c%0*x in a string is no character", letter, (int)n_digits,
                                  *code);
    return WEIR_STATUS_OK;
}

/* The escape whose backslash is text[*at - 1]; what it stands for goes to out. */
static weir_status unescape_one(weir_jinja_lexer *lexer, const char *text, size_t n, size_t *at,
                                char *out, size_t *n_out) {
    static const char letters[] = "\\'\"abfnrtv", meanings[] = "\\'\"\a\b\f\n\r\t\v";
    char letter = text[(*at)++];
    const char *known = letter != '\0' ? strchr(letters, letter) : NULL;
    if (letter == '\n')
        return WEIR_STATUS_OK;
    if (known != NULL) {
        out[(*n_out)++] = meanings[known - letters];
        return WEIR_STATUS_OK;
    }
    if (letter == 'N')
        return weir_jinja_fail_at(lexer->source, lexer->line, WEIR_STATUS_UNSUPPORTED, lexer->err,
                                  "\\N{name} in a string is not supported, expected \\uXXXX");
    if (letter != 'x' && letter != 'u' && letter != 'U' && digit_value(letter, 8) < 0) {
        out[(*n_out)++] = '\\'; /* unknown escapes stay, as in Python */
        out[(*n_out)++] = letter;
        return WEIR_STATUS_OK;
    }
    uint32_t code;
    WEIR_TRY(read_code(lexer, text, n, at, &code));
    *n_out += weir_utf8_encode(code, out + *n_out);
    return WEIR_STATUS_OK;
}

/* No escape stands for more bytes than it has. */
static weir_status unescape(weir_jinja_lexer *lexer, const char *text, size_t n,
                            weir_lex_token *out) {
    char *room = weir_jinja_pool_take(lexer->pool, n);
    if (room == NULL)
        return weir_fail(lexer->err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a string",
                         lexer->source->name);
    size_t n_out = 0;
    for (size_t at = 0; at < n;) {
        if (text[at++] != '\\')
            room[n_out++] = text[at - 1];
        else
            WEIR_TRY(unescape_one(lexer, text, n, &at, room, &n_out));
    }
    out->text = room;
    out->n = n_out;
    return WEIR_STATUS_OK;
}

static weir_status lex_string(weir_jinja_lexer *lexer, weir_lex_token *out) {
    char quote = peek(lexer, 0);
    bool has_escapes = false;
    size_t end = 1;
    for (; end < n_rest(lexer) && rest(lexer)[end] != quote; end++)
        if (rest(lexer)[end] == '\\') {
            has_escapes = true;
            end++;
        }
    if (end >= n_rest(lexer))
        return fail(lexer, "the string that begins here is not closed");
    *out = token_at(lexer, WEIR_LEX_STRING, end + 1);
    out->text++;
    out->n -= 2;
    if (has_escapes)
        WEIR_TRY(unescape(lexer, out->text, out->n, out));
    move(lexer, end + 1);
    return WEIR_STATUS_OK;
}

/* ---- operators ------------------------------------------------------------------------------ */

static weir_status open_bracket(weir_jinja_lexer *lexer, char closing) {
    if (lexer->n_brackets == WEIR_JINJA_MAX_BRACKETS)
        return weir_jinja_fail_at(lexer->source, lexer->line, WEIR_STATUS_UNSUPPORTED, lexer->err,
                                  "more than %d brackets are open", WEIR_JINJA_MAX_BRACKETS);
    lexer->brackets[lexer->n_brackets++] = closing;
    return WEIR_STATUS_OK;
}

static weir_status close_bracket(weir_jinja_lexer *lexer, char c) {
    if (lexer->n_brackets == 0)
        return weir_jinja_fail_at(lexer->source, lexer->line, WEIR_STATUS_BAD_FILE, lexer->err,
                                  "unexpected '%c'", c);
    char due = lexer->brackets[--lexer->n_brackets];
    if (c != due)
        return weir_jinja_fail_at(lexer->source, lexer->line, WEIR_STATUS_BAD_FILE, lexer->err,
                                  "unexpected '%c', expected '%c'", c, due);
    return WEIR_STATUS_OK;
}

static weir_status track_bracket(weir_jinja_lexer *lexer, weir_lex_kind kind, char c) {
    switch (kind) {
    case WEIR_LEX_LEFT_PAREN:
        return open_bracket(lexer, ')');
    case WEIR_LEX_LEFT_BRACKET:
        return open_bracket(lexer, ']');
    case WEIR_LEX_LEFT_BRACE:
        return open_bracket(lexer, '}');
    case WEIR_LEX_RIGHT_PAREN:
    case WEIR_LEX_RIGHT_BRACKET:
    case WEIR_LEX_RIGHT_BRACE:
        return close_bracket(lexer, c);
    default:
        return WEIR_STATUS_OK;
    }
}

static weir_status lex_operator_token(weir_jinja_lexer *lexer, weir_lex_token *out) {
    for (size_t i = 0; i < WEIR_COUNT(OPERATORS); i++) {
        if (!starts_with(lexer, OPERATORS[i].text))
            continue;
        *out = token_at(lexer, (weir_lex_kind)OPERATORS[i].kind, strlen(OPERATORS[i].text));
        WEIR_TRY(track_bracket(lexer, out->kind, OPERATORS[i].text[0]));
        move(lexer, out->n);
        return WEIR_STATUS_OK;
    }
    return weir_jinja_fail_at(lexer->source, lexer->line, WEIR_STATUS_BAD_FILE, lexer->err,
                              "unexpected character '%c'", peek(lexer, 0));
}

static weir_status lex_inside(weir_jinja_lexer *lexer, weir_lex_token *out) {
    if (lex_tag_end(lexer, out))
        return WEIR_STATUS_OK;
    skip_space(lexer);
    if (n_rest(lexer) == 0) {
        *out = token_at(lexer, WEIR_LEX_END, 0);
        return WEIR_STATUS_OK;
    }
    if (lex_tag_end(lexer, out))
        return WEIR_STATUS_OK;
    char c = peek(lexer, 0);
    if (is_digit(c))
        lex_number(lexer, out);
    else if (is_name_start(c))
        lex_name(lexer, out);
    else if (c == '\'' || c == '"')
        return lex_string(lexer, out);
    else
        return lex_operator_token(lexer, out);
    return WEIR_STATUS_OK;
}

weir_status weir_jinja_lex(weir_jinja_lexer *lexer, weir_lex_token *out) {
    return lexer->inside == WEIR_LEX_END ? lex_outside(lexer, out) : lex_inside(lexer, out);
}
