/*
 * score_math.c: finding boxed answers, and comparing two: as forms, as numbers, as lists.
 *
 * Invariant: time is linear in a text and in the length of an answer squared at most (lists without
 * order), answers being WEIR_MATH_MAX long at most.
 */
#include "score_math.h"
#include "score_math_parts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PARTS = 64, MAX_LIST_DEPTH = 8, MAX_DIGITS = 18, MAX_OPEN_BOXES = 64 };

/* ---- boxes ----------------------------------------------------------------------------------- */

/* Bytes of "\boxed{" or "\fbox{" up to and with the brace; 0: there is none here. */
static size_t box_length(const char *text, size_t n) {
    static const char *const names[] = {"\\boxed", "\\fbox"};
    for (size_t i = 0; i < 2; i++) {
        size_t at = strlen(names[i]);
        if (at >= n || memcmp(text, names[i], at) != 0)
            continue;
        while (at < n && text[at] == ' ')
            at++;
        return at < n && text[at] == '{' ? at + 1 : 0;
    }
    return 0;
}

/* An open box: where its content begins, and how many braces are open outside of it. */
typedef struct box {
    size_t at, depth;
} box;

/* Boxes in boxes beyond MAX_OPEN_BOXES push the outermost out: the last one to begin counts. */
static void push_box(box *open, size_t *n_open, size_t at, size_t depth) {
    if (*n_open == MAX_OPEN_BOXES) {
        memmove(open, open + 1, (MAX_OPEN_BOXES - 1) * sizeof *open);
        --*n_open;
    }
    open[(*n_open)++] = (box){at, depth};
}

bool weir_math_boxed(const char *text, size_t n, size_t *at, size_t *length) {
    box open[MAX_OPEN_BOXES];
    size_t n_open = 0, depth = 0, n_slashes = 0;
    bool is_found = false;
    for (size_t i = 0; i < n; i++) {
        size_t n_box = text[i] == '\\' ? box_length(text + i, n - i) : 0;
        bool is_escaped = n_slashes % 2 == 1;
        n_slashes = text[i] == '\\' ? n_slashes + 1 : 0;
        if (n_box > 0) {
            push_box(open, &n_open, i + n_box, depth++);
            i += n_box - 1;
            n_slashes = 0;
        } else if (text[i] == '{' && !is_escaped) {
            depth++;
        } else if (text[i] == '}' && !is_escaped && depth > 0) {
            depth--;
            if (n_open == 0 || open[n_open - 1].depth != depth)
                continue;
            box closed = open[--n_open];
            if (is_found && closed.at < *at)
                continue;
            is_found = true;
            *at = closed.at;
            *length = i - closed.at;
        }
    }
    return is_found;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* above / below, both below 10^18, below > 0. */
typedef struct ratio {
    int64_t above, below;
} ratio;

static uint64_t common(uint64_t a, uint64_t b) {
    while (b > 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Digits with a point, [+-] in front: *at moves behind. As a whole number and a power of ten. */
static bool read_decimal(const char **at, int64_t *digits, int64_t *scale) {
    const char *p = *at;
    bool is_negative = *p == '-', has_point = false, has_digit = false;
    size_t n = 0;
    p += *p == '-' || *p == '+';
    *digits = 0;
    *scale = 1;
    for (; (*p >= '0' && *p <= '9') || (*p == '.' && !has_point); p++) {
        if (*p == '.') {
            has_point = true;
            continue;
        }
        has_digit = true;
        n += *digits > 0 || *p != '0' || has_point;
        if (n > MAX_DIGITS)
            return false;
        *digits = *digits * 10 + (*p - '0');
        *scale *= has_point ? 10 : 1;
    }
    *digits = is_negative ? -*digits : *digits;
    *at = p;
    return has_digit;
}

static bool multiply(int64_t a, int64_t b, int64_t *out) {
    const int64_t most = INT64_C(1000000000000000000);
    if (b != 0 && llabs(a) > most / llabs(b))
        return false;
    *out = a * b;
    return true;
}

/* (a / a_scale) / (b / b_scale) */
static bool make_ratio(int64_t a, int64_t a_scale, int64_t b, int64_t b_scale, ratio *out) {
    if (b == 0 || !multiply(a, b_scale, &out->above) || !multiply(b, a_scale, &out->below))
        return false;
    if (out->below < 0) {
        out->above = -out->above;
        out->below = -out->below;
    }
    uint64_t divisor = common((uint64_t)llabs(out->above), (uint64_t)out->below);
    out->above /= (int64_t)divisor;
    out->below /= (int64_t)divisor;
    return true;
}

/* \frac{a}{b} at *at. */
static bool read_fraction(const char **at, ratio *out) {
    static const char name[] = "\\frac{";
    int64_t a, a_scale, b, b_scale;
    const char *p = *at;
    if (strncmp(p, name, sizeof name - 1) != 0)
        return false;
    p += sizeof name - 1;
    if (!read_decimal(&p, &a, &a_scale) || strncmp(p, "}{", 2) != 0)
        return false;
    p += 2;
    if (!read_decimal(&p, &b, &b_scale) || *p != '}' || !make_ratio(a, a_scale, b, b_scale, out))
        return false;
    *at = p + 1;
    return true;
}

/* A form that is a number: decimal, fraction, or a whole number with a fraction behind it. */
static bool read_number(const char *form, ratio *out) {
    const char *p = form + (form[0] == '-' || form[0] == '+');
    int64_t digits, scale, product;
    ratio part = {0, 1};
    *out = (ratio){0, 1};
    if (*p == '-' || *p == '+')
        return false;
    if (*p != '\\') {
        if (!read_decimal(&p, &digits, &scale) || !make_ratio(digits, scale, 1, 1, out))
            return false;
    } else if (!read_fraction(&p, out)) {
        return false;
    }
    if (*p == '\\' && out->below == 1 && p > form && read_fraction(&p, &part)) {
        if (part.above < 0 || part.above >= part.below ||
            !multiply(out->above, part.below, &product))
            return false;
        *out = (ratio){product + part.above, part.below};
    }
    out->above = form[0] == '-' ? -out->above : out->above;
    return *p == 0;
}

/* ---- lists ----------------------------------------------------------------------------------- */

typedef struct list {
    char open, close; /* '(' '[' '{' and theirs; 'p', 'b' ..: a matrix; 0: without brackets */
    size_t n_rows;    /* of a matrix */
    const char *part[MAX_PARTS];
    size_t length[MAX_PARTS];
    size_t n;
} list;

/* +1, -1: a bracket opens or closes here. *n: bytes of it. */
static int bracket_at(const char *p, size_t *n) {
    *n = p[0] == '\\' && (p[1] == '{' || p[1] == '}') ? 2 : 1;
    char c = p[*n - 1];
    return c == '(' || c == '[' || c == '{' ? 1 : c == ')' || c == ']' || c == '}' ? -1 : 0;
}

/* Does one pair of brackets enclose the whole form? */
static bool has_outer(const char *form, size_t n, size_t *n_open, size_t *n_close) {
    long depth = 0;
    size_t step;
    if (n < 2 || bracket_at(form, n_open) != 1 || form[0] == '{')
        return false;
    for (size_t i = 0; i < n; i += step) {
        depth += bracket_at(form + i, &step);
        if (depth <= 0) {
            *n_close = step;
            return i + step == n;
        }
    }
    return false;
}

/* A form that is one matrix, "\begin{pmatrix} .. \end{pmatrix}": the bytes of its head and of its
 * end; false: it is none. */
static bool is_matrix(const char *form, size_t n, size_t *n_head, size_t *n_end) {
    static const char begin[] = "\\begin{", end[] = "\\end{", kind[] = "matrix}";
    enum { N_BEGIN = sizeof begin - 1, N_END = sizeof end - 1, N_KIND = sizeof kind - 1 };
    const char *close = n > N_BEGIN ? memchr(form, '}', n) : NULL;
    if (!close || memcmp(form, begin, N_BEGIN) != 0)
        return false;
    *n_head = (size_t)(close - form) + 1;
    size_t n_name = *n_head - N_BEGIN; /* with its brace */
    *n_end = N_END + n_name;
    return n_name >= N_KIND && memcmp(close + 1 - N_KIND, kind, N_KIND) == 0 &&
           *n_head + *n_end <= n && memcmp(form + n - *n_end, end, N_END) == 0 &&
           memcmp(form + n - n_name, form + N_BEGIN, n_name) == 0 &&
           !memmem(form + *n_head, n - *n_head, begin, N_BEGIN);
}

/* Divides the inside of a matrix at & and \\. */
static bool divide_matrix(const char *form, size_t n, list *out) {
    size_t step, start = 0;
    long depth = 0;
    out->n_rows = 1;
    for (size_t i = 0; i <= n; i += step) {
        bool is_row = depth == 0 && n - i >= 2 && form[i] == '\\' && form[i + 1] == '\\';
        bool is_end = i == n || is_row || (depth == 0 && form[i] == '&');
        step = is_row ? 2 : 1;
        if (i < n && !is_row)
            depth += bracket_at(form + i, &step);
        if (!is_end)
            continue;
        if (out->n == MAX_PARTS)
            return false;
        out->n_rows += is_row;
        out->part[out->n] = form + start;
        out->length[out->n++] = i - start;
        start = i + step;
    }
    return true;
}

/* Divides form [n] at its outermost commas; false: it is no list. */
static bool divide(const char *form, size_t n, list *out) {
    size_t n_open = 0, n_close = 0, step, start = 0;
    long depth = 0;
    *out = (list){0};
    if (is_matrix(form, n, &n_open, &n_close)) {
        out->open = out->close = form[sizeof "\\begin{" - 1];
        return divide_matrix(form + n_open, n - n_open - n_close, out);
    }
    if (has_outer(form, n, &n_open, &n_close)) {
        out->open = form[n_open - 1];
        out->close = form[n - 1];
        form += n_open;
        n -= n_open + n_close;
    }
    for (size_t i = 0; i <= n; i += step) {
        step = 1;
        bool is_end = i == n || (depth == 0 && form[i] == ',');
        if (i < n)
            depth += bracket_at(form + i, &step);
        if (!is_end)
            continue;
        if (out->n == MAX_PARTS)
            return false;
        out->part[out->n] = form + start;
        out->length[out->n++] = i - start;
        start = i + 1;
    }
    return out->n > 1 || out->open;
}

static bool equal_forms(const char *a, size_t n_a, const char *b, size_t n_b, int depth);

static bool equal_parts(const list *a, size_t i, const list *b, size_t k, int depth) {
    return equal_forms(a->part[i], a->length[i], b->part[k], b->length[k], depth + 1);
}

/* Sets and bare lists have no order; tuples, intervals and matrices do. */
static bool equal_lists(const list *a, const list *b, int depth) {
    bool is_taken[MAX_PARTS] = {false};
    bool has_order = a->open && a->open != '{';
    if (a->n != b->n || a->open != b->open || a->close != b->close || a->n_rows != b->n_rows)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        size_t k = has_order ? i : 0;
        while (!has_order && k < b->n && (is_taken[k] || !equal_parts(a, i, b, k, depth)))
            k++;
        if (k == b->n || (has_order && !equal_parts(a, i, b, k, depth)))
            return false;
        is_taken[k] = true;
    }
    return true;
}

/* Two pieces of forms, each a whole value or a list. */
static bool equal_forms(const char *a, size_t n_a, const char *b, size_t n_b, int depth) {
    char form_a[WEIR_MATH_FORM], form_b[WEIR_MATH_FORM];
    ratio x, y;
    list list_a, list_b;
    memcpy(form_a, a, n_a);
    memcpy(form_b, b, n_b);
    form_a[n_a] = form_b[n_b] = 0;
    weir_math_polish(form_a);
    weir_math_polish(form_b);
    if (strcmp(form_a, form_b) == 0)
        return true;
    if (read_number(form_a, &x) && read_number(form_b, &y))
        return x.above == y.above && x.below == y.below;
    if (depth == MAX_LIST_DEPTH)
        return false;
    bool is_a = divide(form_a, strlen(form_a), &list_a);
    bool is_b = divide(form_b, strlen(form_b), &list_b);
    /* Braces of a set around one answer, or around a list, may be forgotten. */
    if (is_a && list_a.open == '{' && !list_b.open)
        list_a.open = list_a.close = 0;
    else if (is_b && list_b.open == '{' && !list_a.open)
        list_b.open = list_b.close = 0;
    return (is_a || is_b) && equal_lists(&list_a, &list_b, depth);
}

bool weir_math_equal(const char *a, size_t n_a, const char *b, size_t n_b) {
    char form_a[WEIR_MATH_FORM], form_b[WEIR_MATH_FORM];
    if (n_a > WEIR_MATH_MAX || n_b > WEIR_MATH_MAX)
        return n_a == n_b && memcmp(a, b, n_a) == 0;
    weir_math_tokens(a, n_a, form_a);
    weir_math_tokens(b, n_b, form_b);
    if (!form_a[0] || !form_b[0])
        return false;
    return equal_forms(form_a, strlen(form_a), form_b, strlen(form_b), 0);
}
