/*
 * score_math_form.c: TeX as it is written into TeX as it is compared.
 *
 * One pass over tokens (a command, an escaped sign, a code point), each written in its one spelling
 * or left out; then units, a "x =" in front and outer marks are taken off the whole.
 *
 * Invariants: never more than WEIR_MATH_FORM bytes are written; groups are read MAX_DEPTH deep,
 * below that they are copied as they are; the name of a command never grows by a letter behind it.
 */
#include "score_math.h"
#include "score_math_parts.h"

#include "base/compiler.h"

#include <string.h>

enum { MAX_DEPTH = 32 };

typedef struct form {
    char *out; /* [WEIR_MATH_FORM] */
    size_t n;
} form;

/* One answer, or a group in it, being read. */
typedef struct source {
    const char *text; /* [n] */
    size_t n, at;
    size_t depth;   /* of groups */
    size_t n_round; /* brackets that are open: ( [ \{ */
    bool in_matrix;
} source;

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Does text [n] end in the name of a command, which a letter would become part of? */
static bool ends_in_name(const char *text, size_t n) {
    size_t at = n;
    while (at > 0 && is_letter(text[at - 1]))
        at--;
    return at < n && at > 0 && text[at - 1] == '\\';
}

static void put(form *f, const char *bytes, size_t n) {
    if (n > 0 && is_letter(bytes[0]) && ends_in_name(f->out, f->n))
        put(f, " ", 1);
    if (n > WEIR_MATH_FORM - 1 - f->n)
        n = WEIR_MATH_FORM - 1 - f->n;
    memcpy(f->out + f->n, bytes, n);
    f->n += n;
}

static void say(form *f, const char *text) {
    put(f, text, strlen(text));
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char peek(const source *s, size_t ahead) {
    return s->at + ahead < s->n ? s->text[s->at + ahead] : 0;
}

static bool is_at(const source *s, const char *word) {
    size_t n = strlen(word);
    return n <= s->n - s->at && memcmp(s->text + s->at, word, n) == 0;
}

static void skip_space(source *s) {
    while (s->at < s->n && is_space(s->text[s->at]))
        s->at++;
}

static void read_tokens(source *s, form *f);

/* ---- groups ---------------------------------------------------------------------------------- */

/* The bytes of {..} from its opening brace on, both braces counted; 0: it does not close. */
static size_t group_length(const char *text, size_t n) {
    size_t depth = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\\')
            i++;
        else if (text[i] == '{')
            depth++;
        else if (text[i] == '}' && --depth == 0)
            return i + 1;
    }
    return 0;
}

/* The bytes of what a command takes as its argument: a group, a command, or one sign. */
static size_t argument_length(const source *s) {
    size_t n = 1;
    char c = peek(s, 0);
    if (s->at >= s->n)
        return 0;
    if (c == '{')
        return group_length(s->text + s->at, s->n - s->at);
    if (c == '\\' && is_letter(peek(s, 1))) {
        while (is_letter(peek(s, n)))
            n++;
        return n;
    }
    while (s->at + n < s->n && (s->text[s->at + n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* Writes the form of an argument without its braces; s moves behind it. */
static void read_argument(source *s, form *f) {
    skip_space(s);
    size_t n = argument_length(s);
    bool is_group = peek(s, 0) == '{' && n >= 2;
    source inner = {.text = s->text + s->at + is_group,
                    .n = n - (is_group ? 2 : 0),
                    .depth = s->depth + 1,
                    .n_round = s->n_round,
                    .in_matrix = s->in_matrix};
    if (inner.depth < MAX_DEPTH)
        read_tokens(&inner, f);
    else
        put(f, inner.text, inner.n);
    s->at += n;
}

/* Is there a + or - behind the first place, outside of any bracket? */
static bool is_sum(const char *text, size_t n) {
    long depth = 0;
    for (size_t i = 0; i < n; i++) {
        depth += (text[i] == '{' || text[i] == '(') - (text[i] == '}' || text[i] == ')');
        if (depth == 0 && i > 0 && (text[i] == '+' || text[i] == '-'))
            return true;
    }
    return false;
}

/* \frac{-a}{b} is written as -\frac{a}{b}. */
static void read_fraction(source *s, form *f) {
    size_t start = f->n;
    say(f, "\\frac{");
    size_t above = f->n;
    read_argument(s, f);
    bool is_negative =
        f->n > above + 1 && f->out[above] == '-' && !is_sum(f->out + above, f->n - above);
    if (is_negative) {
        memmove(f->out + start + 1, f->out + start, above - start);
        f->out[start] = '-';
    }
    say(f, "}{");
    read_argument(s, f);
    say(f, "}");
}

static void read_root(source *s, form *f) {
    say(f, "\\sqrt");
    skip_space(s);
    if (peek(s, 0) == '[') {
        const char *close = memchr(s->text + s->at, ']', s->n - s->at);
        if (close) {
            size_t n = (size_t)(close - (s->text + s->at)) + 1;
            put(f, s->text + s->at, n);
            s->at += n;
        }
    }
    say(f, "{");
    read_argument(s, f);
    say(f, "}");
}

/* ^ or _: braces around one sign alone are left out. Degrees are left out as a whole. */
static void read_script(source *s, form *f) {
    char mark = s->text[s->at++];
    size_t start = f->n;
    put(f, &mark, 1);
    say(f, "{");
    read_argument(s, f);
    size_t n = f->n - start - 2;
    const char *inside = f->out + start + 2;
    if (mark == '^' && ((n == 5 && memcmp(inside, "\\circ", 5) == 0) || n == 0)) {
        f->n = start;
    } else if (n == 1) {
        f->out[start + 1] = *inside;
        f->n = start + 2;
    } else {
        say(f, "}");
    }
}

/* ---- words ----------------------------------------------------------------------------------- */

/* Word [n], of letters, in the list? */
static bool is_among(const char *const *list, const char *word, size_t n) {
    for (; *list; list++)
        if (strlen(*list) == n && memcmp(*list, word, n) == 0)
            return true;
    return false;
}

static const char *const joining[] = {"or", "and", NULL};

/* Text in words: \text{..} and its like. As a comma where it joins; without its spaces else. What
 * follows a value to the end is a unit and left out, but for the half of a day. */
static void read_words(source *s, form *f) {
    size_t n = 0;
    skip_space(s);
    size_t n_all = argument_length(s);
    bool is_group = peek(s, 0) == '{' && n_all >= 2;
    const char *text = s->text + s->at + is_group;
    size_t n_text = n_all - (is_group ? 2 : 0), start = f->n;
    bool is_behind = start > 0;
    for (size_t i = 0; i < n_text; i++)
        if (!is_space(text[i]) && text[i] != '$' && text[i] != '~') {
            put(f, text + i, 1);
            n++;
        }
    s->at += n_all;
    if (is_among(joining, f->out + start, f->n - start)) {
        f->n = start;
        say(f, ",");
        return;
    }
    /* What may follow a unit: its exponent, and the end of the sentence. */
    source rest = *s;
    skip_space(&rest);
    if (peek(&rest, 0) == '^') {
        rest.at++;
        rest.at += argument_length(&rest);
        skip_space(&rest);
    }
    while (rest.at < rest.n && strchr(". $", rest.text[rest.at]) && rest.text[rest.at])
        rest.at++;
    bool is_half_day = n > 0 && n <= 4 && memchr("aApP", f->out[start], 4) &&
                       memchr("mM", f->out[f->n - 1 - (f->out[f->n - 1] == '.' && n > 2)], 2);
    if (is_behind && s->depth == 0 && s->n_round == 0 && rest.at == rest.n && !is_half_day) {
        f->n = start;
        s->at = rest.at;
    }
}

/* Units in plain letters, behind a value. */
static const char *const units[] = {
    "cm",         "centimeter", "centimeters", "centimetre", "centimetres", "mm",      "km",
    "kilometers", "meter",      "meters",      "metre",      "metres",      "mile",    "miles",
    "mph",        "inch",       "inches",      "foot",       "feet",        "ft",      "yard",
    "yards",      "second",     "seconds",     "sec",        "minute",      "minutes", "min",
    "hour",       "hours",      "day",         "days",       "week",        "weeks",   "month",
    "months",     "year",       "years",       "degree",     "degrees",     "radians", "dollar",
    "dollars",    "cent",       "cents",       "unit",       "units",       "square",  "cubic",
    "percent",    "ways",       "integers",    "points",     "digits",      "pounds",  "gm",
    "kg",         "grams",      "edges",       "students",   "people",      "meals",   "multiples",
    "apples",     "sq",         "per",         NULL};

/* Letters of a word at s->at. */
static size_t word_length(const source *s) {
    size_t n = 0;
    while (is_letter(peek(s, n)))
        n++;
    return n;
}

/* Is all that is left units, with exponents and spaces? */
static bool only_units_follow(const source *s) {
    source rest = *s;
    bool has_unit = false;
    while (skip_space(&rest), rest.at < rest.n) {
        size_t n = word_length(&rest);
        if (n > 0) {
            if (!is_among(units, rest.text + rest.at, n))
                return false;
            has_unit = true;
            rest.at += n;
        } else if (peek(&rest, 0) == '^') {
            rest.at++;
            rest.at += argument_length(&rest);
        } else if (strchr("./$,", peek(&rest, 0))) {
            rest.at++;
        } else {
            return false;
        }
    }
    return has_unit;
}

/* A word of plain letters that is neither joining nor a unit is variables: s moves by a letter. */
static void read_letters(source *s, form *f) {
    size_t n = word_length(s);
    char before = s->at > 0 ? s->text[s->at - 1] : 0, after = peek(s, n);
    bool is_behind_space = is_space(before);
    if (f->n > 0 && is_behind_space && is_space(after) && is_among(joining, s->text + s->at, n)) {
        say(f, ",");
        s->at += n;
    } else if (f->n > 0 && !is_letter(before) && s->depth == 0 && s->n_round == 0 &&
               only_units_follow(s)) { /* not within a word: Friday is no "Fri" of days */
        s->at = s->n;
    } else {
        put(f, s->text + s->at++, 1);
    }
}

/* ---- commands -------------------------------------------------------------------------------- */

typedef enum action {
    DROP,
    SAY,    /* another spelling */
    WORDS,  /* text in words */
    UNWRAP, /* a dress around an argument that does not count */
    FRACTION,
    ROOT
} action;

typedef struct command {
    const char *name; /* without the backslash */
    action action;
    const char *text; /* of SAY */
} command;

static const command commands[] = {
    {"left", DROP, NULL},
    {"right", DROP, NULL},
    {"big", DROP, NULL},
    {"Big", DROP, NULL},
    {"bigl", DROP, NULL},
    {"bigr", DROP, NULL},
    {"Bigl", DROP, NULL},
    {"Bigr", DROP, NULL},
    {"bigg", DROP, NULL},
    {"Bigg", DROP, NULL},
    {"quad", DROP, NULL},
    {"qquad", DROP, NULL},
    {"displaystyle", DROP, NULL},
    {"textstyle", DROP, NULL},
    {"limits", DROP, NULL},
    {"degree", DROP, NULL},
    {"degrees", DROP, NULL},
    {"frac", FRACTION, NULL},
    {"dfrac", FRACTION, NULL},
    {"tfrac", FRACTION, NULL},
    {"cfrac", FRACTION, NULL},
    {"sqrt", ROOT, NULL},
    {"text", WORDS, NULL},
    {"textbf", WORDS, NULL},
    {"textit", WORDS, NULL},
    {"textrm", WORDS, NULL},
    {"textnormal", WORDS, NULL},
    {"mbox", WORDS, NULL},
    {"mathrm", WORDS, NULL},
    {"rm", WORDS, NULL},
    {"mathbf", UNWRAP, NULL},
    {"boldsymbol", UNWRAP, NULL},
    {"mathit", UNWRAP, NULL},
    {"boxed", UNWRAP, NULL},
    {"mathbb", UNWRAP, NULL},
    {"fbox", UNWRAP, NULL},
    {"operatorname", UNWRAP, NULL},
    {"le", SAY, "\\leq"},
    {"leqslant", SAY, "\\leq"},
    {"ge", SAY, "\\geq"},
    {"geqslant", SAY, "\\geq"},
    {"ne", SAY, "\\neq"},
    {"lt", SAY, "<"},
    {"gt", SAY, ">"},
    {"times", SAY, "\\cdot"},
    {"ast", SAY, "\\cdot"},
    {"lbrace", SAY, "\\{"},
    {"rbrace", SAY, "\\}"},
    {"lbrack", SAY, "["},
    {"rbrack", SAY, "]"},
    {"varnothing", SAY, "\\emptyset"},
    {"ldots", SAY, "\\dots"},
    {"cdots", SAY, "\\dots"},
    {"mid", SAY, "|"},
    {"lvert", SAY, "|"},
    {"rvert", SAY, "|"},
    {"colon", SAY, ":"},
    {"to", SAY, "\\rightarrow"},
    {"infinity", SAY, "\\infty"},
};

static const command *find_command(const char *name, size_t n) {
    for (size_t i = 0; i < WEIR_COUNT(commands); i++)
        if (strlen(commands[i].name) == n && memcmp(commands[i].name, name, n) == 0)
            return &commands[i];
    return NULL;
}

/* \name, s->at at the backslash, n letters behind it. */
static void read_command(source *s, form *f, size_t n) {
    const char *name = s->text + s->at + 1;
    s->at += 1 + n;
    if (n == 6 && (memcmp(name, "dbinom", n) == 0 || memcmp(name, "tbinom", n) == 0)) {
        name++; /* \binom in another size */
        n--;
    }
    const command *found = find_command(name, n);
    if (!found) {
        say(f, "\\");
        put(f, name, n);
        if (n == 5 && memcmp(name, "begin", 5) == 0)
            s->in_matrix = true;
        if (n == 3 && memcmp(name, "end", 3) == 0)
            s->in_matrix = false;
        /* Groups behind it may be its arguments: they keep their braces. */
        while (skip_space(s), peek(s, 0) == '{' && argument_length(s) > 0) {
            say(f, "{");
            read_argument(s, f);
            say(f, "}");
        }
        return;
    }
    switch (found->action) {
    case DROP:
        break;
    case SAY:
        say(f, found->text);
        break;
    case WORDS:
        read_words(s, f);
        break;
    case UNWRAP:
        read_argument(s, f);
        break;
    case FRACTION:
        read_fraction(s, f);
        break;
    case ROOT:
        read_root(s, f);
        break;
    }
}

/* At a backslash before what is no letter. */
static void read_escape(source *s, form *f) {
    char c = peek(s, 1);
    if (c == '\\' && !s->in_matrix && is_letter(peek(s, 2))) {
        s->at++; /* commands written with two backslashes */
        return;
    }
    if (c == '{' || c == '}') {
        s->n_round += c == '{';
        s->n_round -= c == '}' && s->n_round > 0;
        put(f, s->text + s->at, 2);
    } else if (c == '\\' && s->in_matrix) {
        say(f, "\\\\");
    } else if (c == '|') {
        say(f, "\\|");
    } /* spaces, \$, \%, \(, \[ and all else say nothing */
    s->at += c ? 2 : 1;
}

/* ---- signs ----------------------------------------------------------------------------------- */

typedef struct sign {
    const char *bytes, *text;
} sign;

static const sign signs[] = {
    {"\xe2\x88\x92", "-"},
    {"\xe2\x80\x93", "-"},
    {"\xc2\xb0", ""},
    {"\xe2\x89\xa4", "\\leq"},
    {"\xe2\x89\xa5", "\\geq"},
    {"\xe2\x89\xa0", "\\neq"},
    {"\xe2\x88\x9e", "\\infty"},
    {"\xcf\x80", "\\pi"},
    {"\xe2\x88\xaa", "\\cup"},
    {"\xe2\x88\xa9", "\\cap"},
    {"\xc2\xb7", "\\cdot"},
    {"\xc3\x97", "\\cdot"},
    {"\xc2\xb1", "\\pm"},
    {"\xe2\x88\x85", "\\emptyset"},
    {"\xc2\xa0", ""},
    {"*", "\\cdot"},
    {"$", ""},
    {"%", ""},
    {"~", ""},
    {"\"", ""},
};

/* "," of 10,000: behind a digit, before exactly three, outside of brackets. TeX's marks ("{,}",
 * "\,", ",\!" with spaces behind it, as the published answers have it) anywhere. */
static size_t group_mark(const source *s) {
    size_t n = is_at(s, "{,}") ? 3 : is_at(s, "\\,") ? 2 : is_at(s, ",\\!") ? 3 : 1, n_digits = 0;
    if (n == 1 && (peek(s, 0) != ',' || s->n_round > 0))
        return 0;
    while (is_at(s, ",\\!") && is_space(peek(s, n)))
        n++;
    while (is_digit(peek(s, n + n_digits)))
        n_digits++;
    return s->at > 0 && is_digit(s->text[s->at - 1]) && n_digits == 3 ? n : 0;
}

static void read_sign(source *s, form *f) {
    for (size_t i = 0; i < WEIR_COUNT(signs); i++)
        if (is_at(s, signs[i].bytes)) {
            say(f, signs[i].text);
            s->at += strlen(signs[i].bytes);
            return;
        }
    char c = s->text[s->at];
    s->n_round += c == '(' || c == '[';
    s->n_round -= (c == ')' || c == ']') && s->n_round > 0;
    if (c == '.' && is_digit(peek(s, 1)) && !(f->n > 0 && is_digit(f->out[f->n - 1])))
        say(f, "0");
    put(f, &c, 1);
    s->at++;
}

/* A group that is nobody's argument: its braces say nothing. */
static void read_group(source *s, form *f) {
    size_t n = group_length(s->text + s->at, s->n - s->at);
    if (n == 0) {
        put(f, s->text + s->at++, 1);
        return;
    }
    read_argument(s, f);
}

static void read_tokens(source *s, form *f) {
    while (s->at < s->n) {
        size_t n = group_mark(s), n_letters = 0;
        char c = s->text[s->at];
        if (n > 0) {
            s->at += n;
            continue;
        }
        while (c == '\\' && is_letter(peek(s, 1 + n_letters)))
            n_letters++;
        if (is_space(c))
            s->at++;
        else if (n_letters > 0)
            read_command(s, f, n_letters);
        else if (c == '\\')
            read_escape(s, f);
        else if (c == '{')
            read_group(s, f);
        else if (c == '^' || c == '_')
            read_script(s, f);
        else if (is_letter(c))
            read_letters(s, f);
        else
            read_sign(s, f);
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void cut_front(form *f, size_t n) {
    memmove(f->out, f->out + n, f->n - n);
    f->n -= n;
}

/* "x=", "x\in", "f(x)=", "\alpha=", "x_1=" in front. */
static void cut_name(form *f) {
    size_t at = 0;
    if (f->n > 0 && f->out[0] == '\\')
        at++;
    size_t n_letters = 0;
    while (at < f->n && is_letter(f->out[at]) && (f->out[0] == '\\' || n_letters < 1)) {
        at++;
        n_letters++;
    }
    if (n_letters == 0)
        return;
    if (at + 1 < f->n && f->out[at] == '_')
        at += 2;
    if (at + 2 < f->n && f->out[at] == '(' && is_letter(f->out[at + 1]) && f->out[at + 2] == ')')
        at += 3;
    if (f->n - at > 1 && f->out[at] == '=' && !memchr(f->out + at + 1, '=', f->n - at - 1))
        cut_front(f, at + 1);
    else if (f->n - at > 3 && memcmp(f->out + at, "\\in", 3) == 0 && !is_letter(f->out[at + 3]))
        cut_front(f, at + 3);
    else if (f->n - at > 4 && memcmp(f->out + at, "\\in ", 4) == 0)
        cut_front(f, at + 4);
}

/* Are all braces of text [n] closed, and is it no beginning of a matrix? */
static bool is_closed(const char *text, size_t n) {
    static const char begin[] = "\\begin";
    long depth = 0;
    for (size_t i = 0; i < n; i++)
        depth += (text[i] == '{') - (text[i] == '}');
    return depth == 0 && (n < sizeof begin - 1 || memcmp(text, begin, sizeof begin - 1) != 0);
}

/* a/b as a fraction, where neither is a sum or has a slash of its own, or brackets open. */
static void make_fraction(form *f) {
    char *slash = memchr(f->out, '/', f->n);
    size_t n_above = slash ? (size_t)(slash - f->out) : 0, n_below = f->n - n_above - 1;
    bool is_negative = n_above > 1 && f->out[0] == '-';
    char copy[WEIR_MATH_FORM];
    if (n_above == 0 || n_below == 0 || memchr(slash + 1, '/', n_below) ||
        is_sum(f->out, n_above) || is_sum(slash + 1, n_below) || memchr(f->out, ',', f->n) ||
        memchr(f->out, '&', f->n) || !is_closed(f->out, n_above) || f->n + 10 > WEIR_MATH_FORM)
        return;
    memcpy(copy, f->out, f->n);
    f->n = 0;
    say(f, is_negative ? "-\\frac{" : "\\frac{");
    put(f, copy + is_negative, n_above - is_negative);
    say(f, "}{");
    put(f, copy + n_above + 1, n_below);
    say(f, "}");
}

/* "2\cdot x" is "2x": only between digits the sign is needed. */
static void drop_products(form *f) {
    size_t n = 0;
    for (size_t i = 0; i < f->n;) {
        bool is_product = f->n - i > 5 && memcmp(f->out + i, "\\cdot", 5) == 0;
        size_t behind = i + 5;
        behind += is_product && f->out[behind] == ' ';
        if (is_product && behind < f->n && !is_digit(f->out[behind]) && f->out[behind] != '.') {
            i = behind;
            if (is_letter(f->out[i]) && ends_in_name(f->out, n))
                f->out[n++] = ' ';
            continue;
        }
        f->out[n++] = f->out[i++];
    }
    f->n = n;
}

/* Words without case, and "(C)" as C. */
static void fold_words(form *f) {
    bool is_choice = f->n == 3 && f->out[0] == '(' && is_letter(f->out[1]) && f->out[2] == ')';
    if (is_choice) {
        f->out[0] = f->out[1];
        f->n = 1;
    }
    for (size_t i = 0; i < f->n; i++)
        if (!is_letter(f->out[i]))
            return;
    for (size_t i = 0; i < f->n && f->n > 1; i++)
        f->out[i] |= 0x20;
}

void weir_math_polish(char *text) {
    form f = {.out = text, .n = strlen(text)};
    while (f.n > 0 && strchr(".,;:", f.out[f.n - 1]))
        f.n--;
    cut_name(&f);
    drop_products(&f);
    make_fraction(&f);
    fold_words(&f);
    f.out[f.n] = 0;
}

void weir_math_tokens(const char *answer, size_t n, char *out) {
    form f = {.out = out};
    source s = {.text = answer, .n = n < WEIR_MATH_MAX ? n : WEIR_MATH_MAX};
    read_tokens(&s, &f);
    for (size_t i = 0; i < f.n; i++) /* zeros would end it */
        f.out[i] = f.out[i] ? f.out[i] : '?';
    f.out[f.n] = 0;
}

void weir_math_form(const char *answer, size_t n, char *out) {
    weir_math_tokens(answer, n, out);
    weir_math_polish(out);
}
