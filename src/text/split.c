/*
 * split.c: regular expressions by PCRE2.
 *
 * Owns the rewriting, the compiled code and the bounds on its time. Bytes that are no UTF-8 never
 * reach PCRE2: the valid runs between them are texts of their own to the expression, and each
 * invalid run is a piece. Invariant: the pieces of a text, put together, are the text.
 *
 * Time: PCRE2's own limits do not bound it (its machine code does not count the steps of a simple
 * repeat). So a foreign expression is made to call back where its matcher may have to come back to:
 * behind every repeat, at the beginning of every alternative but a group's first, and at the end of
 * every one. The way that the match has gone since the last call is counted. A text has a budget
 * that grows with its length; what needs more is refused, so that no file can hold up a program.
 * What would cost time between two calls (references back, recursion, large fixed repeats) is
 * refused when the expression is compiled. The family's own are known to be linear and go without.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/split.h"

#include <assert.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

/* As LFM2.5 with 128,000 tokens writes it. */
static const char family_2_5[] = "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
                                 "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s";

const char weir_split_family[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
    "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

enum {
    MAX_REGEX_BYTES = 16384,
    MAX_REPEAT = 128,          /* in braces */
    STEPS_A_BYTE = 64,         /* ten times what the family's expression needs */
    FIRST_STEPS = 1000 * 1000, /* whatever the length */
    MAX_HEAP_KIB = 64 * 1024,  /* of PCRE2's interpreter */
    SHOWN = 60                 /* bytes of a foreign text that a message shows */
};

struct weir_splitter {
    pcre2_code *code;
    bool has_jit;
};

struct weir_split_walk {
    const weir_splitter *splitter;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    uint64_t budget;        /* steps that are left */
    size_t start, position; /* where the match that last called began, and where it was */
    const char *text;
    size_t n;
    size_t begin;              /* of the next piece */
    size_t run_start, run_end; /* the run of valid UTF-8 that is cut now */
    size_t search;             /* where the expression looks next; run_end: it is through */
    size_t held; /* end of a match that was found behind the piece given last; 0: none */
};

/* ---- rewriting ----------------------------------------------------------------------------- */

typedef struct rewriting {
    const char *regex;
    size_t n, at;
    bool is_counted; /* calls are put in */
    char *out;
    size_t n_out;
    weir_error *err;
} rewriting;

static weir_status refuse(const rewriting *r, size_t at, const char *what) {
    return weir_fail(r->err, WEIR_STATUS_UNSUPPORTED,
                     "the expression that splits text has %s at byte %zu: '%.*s'", what, at,
                     r->n - at < SHOWN ? (int)(r->n - at) : SHOWN, r->regex + at);
}

static void copy(rewriting *r, size_t n) {
    memcpy(r->out + r->n_out, r->regex + r->at, n);
    r->n_out += n;
    r->at += n;
}

static void put(rewriting *r, const char *text) {
    size_t n = strlen(text);
    memcpy(r->out + r->n_out, text, n);
    r->n_out += n;
}

static void put_call(rewriting *r) {
    if (r->is_counted)
        put(r, "(?C)");
}

/* Does the rest begin with this? */
static bool is_next(const rewriting *r, const char *text) {
    size_t n = strlen(text);
    return r->n - r->at >= n && memcmp(r->regex + r->at, text, n) == 0;
}

static char next_char(const rewriting *r) {
    return r->at < r->n ? r->regex[r->at] : '\0';
}

/* A backslash and what belongs to it. PCRE2's \s has one character more than White_Space; what
 * means other things in the two syntaxes, or is only in PCRE2's, is not guessed. */
static weir_status rewrite_escape(rewriting *r) {
    char c = r->at + 1 < r->n ? r->regex[r->at + 1] : '\0';
    if (c == 's' || c == 'S') {
        put(r, c == 's' ? "\\p{White_Space}" : "\\P{White_Space}");
        r->at += 2;
        return WEIR_STATUS_OK;
    }
    bool is_property = c == 'p' || c == 'P', is_code = c == 'x';
    if (!is_property && !is_code && (c == '\0' || strchr("dDwWbBAzZGtnrfae", c) == NULL) &&
        !(c >= '!' && c <= '/') && !(c >= ':' && c <= '@') && !(c >= '[' && c <= '`') &&
        !(c >= '{' && c <= '~') && c != ' ')
        return refuse(r, r->at, "an escape that is not supported");
    copy(r, 2);
    if ((is_property || is_code) && next_char(r) == '{') {
        const char *close = memchr(r->regex + r->at, '}', r->n - r->at);
        if (close == NULL)
            return refuse(r, r->at, "an open brace");
        copy(r, (size_t)(close + 1 - (r->regex + r->at)));
    }
    return WEIR_STATUS_OK;
}

/* From "[" to its "]". No class within a class and no "&&", which PCRE2 takes for characters. */
static weir_status rewrite_class(rewriting *r) {
    size_t start = r->at;
    copy(r, is_next(r, "[^") ? 2 : 1);
    if (next_char(r) == ']')
        copy(r, 1);
    while (r->at < r->n && r->regex[r->at] != ']') {
        if (r->regex[r->at] == '\\') {
            WEIR_TRY(rewrite_escape(r));
        } else if (is_next(r, "[:")) {
            const char *from = r->regex + r->at;
            const char *close = memmem(from, r->n - r->at, ":]", 2);
            if (close == NULL)
                return refuse(r, r->at, "an open class of characters");
            copy(r, (size_t)(close + 2 - from));
        } else if (is_next(r, "[") || is_next(r, "&&")) {
            return refuse(r, r->at, "a class within a class, which is not supported,");
        } else {
            copy(r, 1);
        }
    }
    if (r->at == r->n)
        return refuse(r, start, "an open class of characters");
    copy(r, 1);
    return WEIR_STATUS_OK;
}

/* How a group opens: plain ones, without number, looking around, atomic, named, of either case. */
static weir_status rewrite_group(rewriting *r) {
    static const char *const known[] = {"(?:",  "(?=",  "(?!",  "(?>",
                                        "(?<=", "(?<!", "(?i:", "(?-i:"};
    for (size_t i = 0; i < WEIR_COUNT(known); i++)
        if (is_next(r, known[i])) {
            copy(r, strlen(known[i]));
            return WEIR_STATUS_OK;
        }
    if (is_next(r, "(?i)") && r->at == 0) { /* later it reaches not as far in the two syntaxes */
        copy(r, 4);
        return WEIR_STATUS_OK;
    }
    if (is_next(r, "(?") || is_next(r, "(*"))
        return refuse(r, r->at, "a group that is not supported");
    copy(r, 1);
    return WEIR_STATUS_OK;
}

/* Length of a repeat in braces at the rest's beginning; 0: the brace is a character. */
static size_t brace_length(const rewriting *r, size_t *most, bool *is_exact) {
    size_t at = r->at + 1, n_digits = 0;
    *most = 0;
    *is_exact = true;
    for (; at < r->n && r->regex[at] != '}'; at++) {
        char c = r->regex[at];
        if (c == ',' && *is_exact && n_digits > 0) {
            *is_exact = false;
            n_digits = 0;
            continue;
        }
        if (c < '0' || c > '9' || n_digits++ == 6)
            return 0;
        size_t value = n_digits == 1 ? 0 : *most;
        *most = value * 10 + (size_t)(c - '0');
    }
    return at < r->n && at > r->at + 1 ? at + 1 - r->at : 0;
}

/* A repeat, and the call behind it. Braces with "+", or exact ones with "?", differ in the two
 * syntaxes, and so does a brace that begins with a comma. */
static weir_status rewrite_repeat(rewriting *r) {
    bool is_brace = next_char(r) == '{', is_exact = false;
    size_t start = r->at, most = 0, n = is_brace ? brace_length(r, &most, &is_exact) : 1;
    if (n == 0 && is_next(r, "{,"))
        return refuse(r, r->at, "a repeat that is not supported");
    if (n == 0) {
        copy(r, 1);
        return WEIR_STATUS_OK;
    }
    if (most > MAX_REPEAT)
        return refuse(r, r->at, "a repeat that is too large");
    copy(r, n);
    char suffix = next_char(r);
    if (is_brace && (suffix == '+' || (suffix == '?' && is_exact)))
        return refuse(r, start, "a repeat that is not supported");
    if (suffix == '+' || suffix == '?')
        copy(r, 1);
    put_call(r);
    return WEIR_STATUS_OK;
}

/* out has room for nine times the regex. */
static weir_status rewrite(rewriting *r) {
    for (size_t depth = 0; r->at < r->n;) {
        char c = r->regex[r->at];
        if (c == '\\') {
            WEIR_TRY(rewrite_escape(r));
        } else if (c == '[') {
            WEIR_TRY(rewrite_class(r));
        } else if (c == '(') {
            depth += !is_next(r, "(?i)");
            WEIR_TRY(rewrite_group(r));
        } else if (c == '*' || c == '+' || c == '?' || c == '{') {
            WEIR_TRY(rewrite_repeat(r));
        } else {
            if ((c == '|' || c == ')') && depth > 0)
                put_call(r);
            depth -= c == ')' && depth > 0;
            copy(r, 1);
            if (c == '|')
                put_call(r);
        }
    }
    return WEIR_STATUS_OK;
}

/* ---- compiling ----------------------------------------------------------------------------- */

static weir_status compile(weir_splitter *splitter, const char *pattern, size_t n,
                           weir_error *err) {
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a regular expression");
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    int code;
    size_t at;
    /* MULTILINE: ^ and $ are about lines in Ruby's syntax. */
    splitter->code = pcre2_compile((PCRE2_SPTR)pattern, n, PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE,
                                   &code, &at, context);
    pcre2_compile_context_free(context);
    if (splitter->code == NULL) {
        PCRE2_UCHAR why[128];
        pcre2_get_error_message(code, why, sizeof why);
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "the expression that splits text: %s at '%.*s'", (const char *)why,
                         n - at < SHOWN ? (int)(n - at) : SHOWN, pattern + at);
    }
    /* Where no machine code can be made the interpreter runs it. */
    splitter->has_jit = pcre2_jit_compile(splitter->code, PCRE2_JIT_COMPLETE) == 0;
    return WEIR_STATUS_OK;
}

static bool is_text(const char *text, size_t n, const char *other) {
    return n == strlen(other) && memcmp(text, other, n) == 0;
}

bool weir_split_is_family(const char *regex, size_t n) {
    return is_text(regex, n, weir_split_family) || is_text(regex, n, family_2_5);
}

weir_status weir_splitter_open(weir_splitter **out, const char *regex, size_t n, weir_error *err) {
    *out = NULL;
    if (n > MAX_REGEX_BYTES)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "the expression that splits text has %zu bytes, expected at most %d", n,
                         MAX_REGEX_BYTES);
    if (weir_utf8_valid(regex, n) < n)
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "the expression that splits text is no UTF-8 at byte %zu",
                         weir_utf8_valid(regex, n));
    weir_splitter *splitter = calloc(1, sizeof *splitter);
    rewriting r = {.regex = regex, .n = n, .out = malloc(9 * n + 1), .err = err};
    weir_status status = WEIR_STATUS_NO_MEMORY;
    r.is_counted = !weir_split_is_family(regex, n);
    if (splitter == NULL || r.out == NULL) {
        weir_fail(err, status, "no memory for a regular expression");
        goto fail;
    }
    WEIR_TRY_GOTO(rewrite(&r));
    WEIR_TRY_GOTO(compile(splitter, r.out, r.n_out, err));
    *out = splitter;
    splitter = NULL;
fail:
    weir_splitter_close(&splitter);
    free(r.out);
    return status;
}

void weir_splitter_close(weir_splitter **splitter) {
    if (*splitter != NULL)
        pcre2_code_free((*splitter)->code);
    free(*splitter);
    *splitter = NULL;
}

/* ---- cutting ------------------------------------------------------------------------------- */

/* Called by the expression. The way since the last call, there or back, is what was spent. */
static int count_steps(pcre2_callout_block *at, void *context) {
    weir_split_walk *walk = context;
    size_t position = at->current_position;
    if (at->start_match != walk->start)
        walk->start = walk->position = at->start_match;
    uint64_t steps =
        1 + (position > walk->position ? position - walk->position : walk->position - position);
    walk->position = position;
    if (steps > walk->budget)
        return PCRE2_ERROR_MATCHLIMIT;
    walk->budget -= steps;
    return 0;
}

weir_status weir_split_walk_open(weir_split_walk **out, const weir_splitter *splitter,
                                 weir_error *err) {
    weir_split_walk *walk = calloc(1, sizeof *walk);
    if (walk != NULL) {
        walk->splitter = splitter;
        walk->budget = FIRST_STEPS;
        walk->match = pcre2_match_data_create_from_pattern(splitter->code, NULL);
        walk->limits = pcre2_match_context_create(NULL);
    }
    *out = walk;
    if (walk == NULL || walk->match == NULL || walk->limits == NULL) {
        weir_split_walk_close(out);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to split text");
    }
    pcre2_set_heap_limit(walk->limits, MAX_HEAP_KIB);
    pcre2_set_match_limit(walk->limits, UINT32_MAX); /* count_steps does better */
    pcre2_set_depth_limit(walk->limits, UINT32_MAX);
    pcre2_set_callout(walk->limits, count_steps, walk);
    return WEIR_STATUS_OK;
}

void weir_split_walk_close(weir_split_walk **walk) {
    if (*walk == NULL)
        return;
    pcre2_match_data_free((*walk)->match);
    pcre2_match_context_free((*walk)->limits);
    free(*walk);
    *walk = NULL;
}

void weir_split_walk_start(weir_split_walk *walk, const char *text, size_t n) {
    walk->budget += (uint64_t)n * STEPS_A_BYTE;
    walk->text = text;
    walk->n = n;
    walk->begin = walk->run_start = walk->run_end = walk->search = walk->held = 0;
}

/* PCRE2's answer. */
static int match_run(weir_split_walk *w) {
    const pcre2_code *code = w->splitter->code;
    PCRE2_SPTR run = (PCRE2_SPTR)w->text + w->run_start;
    size_t n = w->run_end - w->run_start, at = w->search - w->run_start;
    int found = PCRE2_ERROR_JIT_STACKLIMIT;
    w->start = w->position = at;
    if (w->splitter->has_jit)
        found = pcre2_jit_match(code, run, n, at, 0, w->match, w->limits);
    /* The interpreter's stack is on the heap, and may be larger. */
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
        found =
            pcre2_match(code, run, n, at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, w->match, w->limits);
    return found;
}

static weir_status match_failed(int code, weir_error *err) {
    if (code == PCRE2_ERROR_NOMEMORY)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to split text");
    if (code == PCRE2_ERROR_MATCHLIMIT)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "the expression that splits text takes too many steps on this text");
    PCRE2_UCHAR why[128];
    pcre2_get_error_message(code, why, sizeof why);
    return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                     "the expression that splits text cannot be used on it: %s", (const char *)why);
}

/* Looks for the next match in the run; *start = *end = run_end without one. */
static weir_status find_match(weir_split_walk *w, size_t *start, size_t *end, weir_error *err) {
    int found = match_run(w);
    *start = *end = w->run_end;
    if (found == PCRE2_ERROR_NOMATCH) {
        w->search = w->run_end;
        return WEIR_STATUS_OK;
    }
    if (found < 0)
        return match_failed(found, err);
    const size_t *at = pcre2_get_ovector_pointer(w->match);
    if (at[0] > at[1] || w->run_start + at[0] < w->search || w->run_start + at[1] > w->run_end)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "the expression that splits text matches where it did not look");
    *start = w->run_start + at[0];
    *end = w->run_start + at[1];
    w->search = *end;
    if (*start == *end && *end < w->run_end) { /* of nothing: look one character on */
        uint32_t point;
        size_t used;
        weir_utf8_step(w->text + *end, w->run_end - *end, &point, &used);
        w->search += used;
    }
    return WEIR_STATUS_OK;
}

/* Gives the bytes up to `end` as a piece. */
static weir_status give(weir_split_walk *w, size_t *out, size_t end) {
    *out = w->begin = end;
    return WEIR_STATUS_OK;
}

/* Behind the last run: opens the next one, or returns the end of bytes that are in none. */
static size_t next_run(weir_split_walk *w) {
    w->run_start = w->search = w->begin;
    w->run_end = w->begin + weir_utf8_valid(w->text + w->begin, w->n - w->begin);
    size_t end = w->run_end;
    while (w->run_end == w->begin && end < w->n) {
        uint32_t point;
        size_t used;
        if (weir_utf8_step(w->text + end, w->n - end, &point, &used) == WEIR_UTF8_WHOLE)
            break;
        end += used;
    }
    return end;
}

weir_status weir_split_walk_next(weir_split_walk *w, size_t *end, weir_error *err) {
    if (w->held > 0) {
        size_t held = w->held;
        w->held = 0;
        return give(w, end, held);
    }
    while (w->begin < w->n) {
        if (w->begin >= w->run_end) {
            size_t run_end = next_run(w);
            if (w->run_end == w->begin) { /* no run: bytes that are no UTF-8 */
                w->run_end = run_end;
                return give(w, end, run_end);
            }
        }
        if (w->search >= w->run_end) /* no further match */
            return give(w, end, w->run_end);
        size_t from, to;
        WEIR_TRY(find_match(w, &from, &to, err));
        if (from > w->begin) { /* what lies before a match is a piece, too */
            w->held = to > from ? to : 0;
            return give(w, end, from);
        }
        if (to > from)
            return give(w, end, to);
    }
    *end = w->begin;
    return WEIR_STATUS_OK;
}
