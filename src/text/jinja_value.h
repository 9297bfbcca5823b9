/*
 * jinja_value.h: the values that a chat template computes with, as Python has them.
 *
 * A weir_jinja_run is one render. All values of a render live in its memory, which is freed at
 * once; nothing is freed singly. Memory, work and nesting are budgets of the run: what would go
 * past them fails with FULL, so no template and no conversation can take more than it was given.
 * A run belongs to one thread.
 *
 * Strings know where their bytes come from (weir_jinja_origin): every operation keeps it, so that
 * the tokenizer can tell the template's own <|im_start|> from one that a user typed. Where one
 * piece of text could be either's, the less trusted wins.
 *
 * A failure is final: a template cannot catch it. Every function that can fail has filled the
 * run's error with "NAME: line 12: what" when it returns.
 *
 * Neighbours: jinja_text.h (str, repr, tojson, formats), jinja_json.h (the reader),
 * jinja_filter.h, jinja_test.h, jinja_method.h (what templates call by name).
 */
#ifndef WEIR_TEXT_JINJA_VALUE_H
#define WEIR_TEXT_JINJA_VALUE_H

#include "base/error.h"

/* ---- origin -------------------------------------------------------------------------------- */

/* Whose bytes: a weir_span_kind, the message's index + 1, and a flag. 0: the template's own. */
typedef uint32_t weir_jinja_origin;

enum {
    WEIR_JINJA_ORIGIN_KIND = 3,       /* mask of the weir_span_kind */
    WEIR_JINJA_ORIGIN_GENERATION = 4, /* written inside the generation tag */
    WEIR_JINJA_ORIGIN_MESSAGE = 8,    /* (message + 1) times this */
    WEIR_JINJA_MAX_MESSAGES = 1 << 28
};

static inline weir_jinja_origin weir_jinja_origin_of(weir_span_kind kind, int32_t message) {
    return (weir_jinja_origin)kind +
           (weir_jinja_origin)(message + 1) * (weir_jinja_origin)WEIR_JINJA_ORIGIN_MESSAGE;
}

static inline weir_span_kind weir_jinja_origin_kind(weir_jinja_origin origin) {
    return (weir_span_kind)(origin & WEIR_JINJA_ORIGIN_KIND);
}

static inline int32_t weir_jinja_origin_message(weir_jinja_origin origin) {
    return (int32_t)(origin / WEIR_JINJA_ORIGIN_MESSAGE) - 1;
}

static inline bool weir_jinja_origin_is_generation(weir_jinja_origin origin) {
    return (origin & WEIR_JINJA_ORIGIN_GENERATION) != 0;
}

/* ---- the run ------------------------------------------------------------------------------- */

enum {
    WEIR_JINJA_MAX_DEPTH = 400, /* nested calls, expressions and values together */
    WEIR_JINJA_MAX_JSON_DEPTH = 200
};

typedef struct weir_jinja_run {
    weir_error *err;
    const char *name; /* of the template; begins error lines; NULL: none */
    uint32_t line;    /* where the template is; the evaluator keeps it up to date; 0: nowhere */
    weir_status status;
    uint64_t bytes_left, steps_left;
    uint32_t depth;
    bool has_now;
    int64_t now;                     /* seconds since 1970, UTC; without has_now: the clock */
    void *evaluator;                 /* the evaluator's own; not looked at here */
    struct weir_jinja_chunk *chunks; /* the memory */
    char *free;                      /* [n_free] of the newest chunk */
    size_t n_free;
} weir_jinja_run;

/* max_bytes, max_steps: 0 means the defaults of weir_render_options. options may be NULL. */
void weir_jinja_run_open(weir_jinja_run *run, const char *name, const weir_render_options *options,
                         weir_error *err);
/* Frees every value of the run. */
void weir_jinja_run_close(weir_jinja_run *run);

/* Fills the error with "NAME: line N: ..." and returns status. */
weir_status weir_jinja_fail(weir_jinja_run *run, weir_status status, const char *format, ...)
    WEIR_PRINTF(3, 4);

/* How many bytes of a foreign text [n] a message shows: 60 at most, whole code points. */
int weir_jinja_shown(const char *text, size_t n);

/* n units of work: nodes evaluated, items visited, bytes / 16 copied. FULL. */
weir_status weir_jinja_step(weir_jinja_run *run, uint64_t n);

/* One level deeper, FULL when it is too deep. Every successful enter is paired with a leave. */
weir_status weir_jinja_enter(weir_jinja_run *run);
void weir_jinja_leave(weir_jinja_run *run);

/* n bytes, aligned for any value, not cleared. NULL: run->status says why, and the error is
 * filled. */
void *weir_jinja_take(weir_jinja_run *run, size_t n);
/* n x size bytes. */
void *weir_jinja_take_array(weir_jinja_run *run, size_t n, size_t size);

/* ---- values -------------------------------------------------------------------------------- */

typedef enum weir_jinja_type {
    WEIR_JINJA_UNDEFINED,
    WEIR_JINJA_NONE,
    WEIR_JINJA_BOOL,
    WEIR_JINJA_INT,
    WEIR_JINJA_BIG_INT, /* outside int64: read, compared and printed, not computed with */
    WEIR_JINJA_FLOAT,
    WEIR_JINJA_STRING,
    WEIR_JINJA_LIST,
    WEIR_JINJA_TUPLE,
    WEIR_JINJA_DICT,
    WEIR_JINJA_NAMESPACE, /* attributes, which `set ns.x` changes */
    WEIR_JINJA_ITERATOR,  /* Python's generator: always true, has no length, runs out */
    WEIR_JINJA_OBJECT     /* functions, macros, loop and other things with behaviour */
} weir_jinja_type;

typedef struct weir_jinja_value {
    uint8_t type;  /* weir_jinja_type */
    uint8_t owner; /* UNDEFINED: the type that lacks the attribute; itself UNDEFINED: a variable */
    bool is_element; /* UNDEFINED: the name is the repr of a subscript */
    union {
        bool boolean;
        int64_t integer;
        double real;
        const struct weir_jinja_string *string; /* STRING; BIG_INT: its digits, `-` before them if
                                                   negative; UNDEFINED: the name, or NULL */
        struct weir_jinja_list *list;           /* LIST, TUPLE, ITERATOR */
        struct weir_jinja_dict *dict;           /* DICT, NAMESPACE */
        const struct weir_jinja_object *object;
    } as;
} weir_jinja_value;

static inline weir_jinja_value weir_jinja_none(void) {
    return (weir_jinja_value){.type = WEIR_JINJA_NONE};
}

static inline weir_jinja_value weir_jinja_bool(bool x) {
    return (weir_jinja_value){.type = WEIR_JINJA_BOOL, .as.boolean = x};
}

static inline weir_jinja_value weir_jinja_int(int64_t x) {
    return (weir_jinja_value){.type = WEIR_JINJA_INT, .as.integer = x};
}

static inline weir_jinja_value weir_jinja_float(double x) {
    return (weir_jinja_value){.type = WEIR_JINJA_FLOAT, .as.real = x};
}

static inline weir_jinja_value weir_jinja_of_string(const struct weir_jinja_string *s) {
    return (weir_jinja_value){.type = WEIR_JINJA_STRING, .as.string = s};
}

static inline weir_jinja_value weir_jinja_of_object(const struct weir_jinja_object *object) {
    return (weir_jinja_value){.type = WEIR_JINJA_OBJECT, .as.object = object};
}

/* A variable that is not there. name may be NULL. */
static inline weir_jinja_value weir_jinja_undefined(const struct weir_jinja_string *name) {
    return (weir_jinja_value){.type = WEIR_JINJA_UNDEFINED, .as.string = name};
}

/* The integer of decimal digits text [n], with a sign or without; INT or BIG_INT. */
weir_status weir_jinja_integer(weir_jinja_run *run, const char *text, size_t n,
                               weir_jinja_value *out);
/* The float that text [n] writes in decimal, "-12.5e3", whatever the locale; the text is well
 * formed.
 */
weir_status weir_jinja_read_float(weir_jinja_run *run, const char *text, size_t n, double *out);
/* The nearest float of INT, BIG_INT, BOOL or FLOAT; infinite where Python would refuse. */
double weir_jinja_to_float(weir_jinja_value v);

/* Python's name of the type: "str", "int", "dict", "NoneType" ... */
const char *weir_jinja_type_name(weir_jinja_value v);

/* Fails with the words of Jinja2: "'x' is undefined", "'dict object' has no attribute 'x'". */
weir_status weir_jinja_fail_undefined(weir_jinja_run *run, weir_jinja_value v);

/* Python's bool(v). Of an object and of an iterator: true. */
bool weir_jinja_truth(weir_jinja_value v);

/* ---- strings ------------------------------------------------------------------------------- */

/* A change of origin inside a string. */
typedef struct weir_jinja_stretch {
    size_t start; /* byte */
    weir_jinja_origin origin;
} weir_jinja_stretch;

/* Immutable. Bytes may be shared with other strings. UTF-8 is expected and not relied on. */
typedef struct weir_jinja_string {
    const char *data; /* [n] no 0 behind it */
    size_t n;
    size_t n_chars;                 /* code points; == n: all ASCII */
    const weir_jinja_stretch *more; /* [n_more] ascending, start > 0, neighbours differ */
    size_t n_more;
    weir_jinja_origin origin;         /* of the first bytes, up to more[0].start */
    bool is_safe;                     /* marked by `safe` or `escape`; only `escape` looks at it */
    struct weir_jinja_buffer *buffer; /* whose begin data is, or NULL: then appending copies */
} weir_jinja_string;

/* A string over data that outlives every use, all of one origin: literals of a template. */
weir_jinja_string weir_jinja_literal(const char *data, size_t n, weir_jinja_origin origin);

/* The same on the run's memory: data is copied, or lives at least as long as the run. */
weir_status weir_jinja_copy_string(weir_jinja_run *run, const char *data, size_t n,
                                   weir_jinja_origin origin, weir_jinja_value *out);
weir_status weir_jinja_borrow_string(weir_jinja_run *run, const char *data, size_t n,
                                     weir_jinja_origin origin, weir_jinja_value *out);

/* Bytes [start, start + n) of s; they are shared. */
weir_status weir_jinja_part(weir_jinja_run *run, const weir_jinja_string *s, size_t start, size_t n,
                            weir_jinja_value *out);

bool weir_jinja_string_is(const weir_jinja_string *s, const char *text);

/* The i-th stretch of one origin, i <= s->n_more. */
weir_jinja_stretch weir_jinja_stretch_at(const weir_jinja_string *s, size_t i, size_t *end);
/* The origin of a byte; of s->n: that of the last one. */
weir_jinja_origin weir_jinja_origin_at(const weir_jinja_string *s, size_t at);
/* The least trusted one in s. */
weir_jinja_origin weir_jinja_worst_origin(const weir_jinja_string *s);

/* *at: the first place at or behind `from` where `part` stands in s, whole before `to`; SIZE_MAX:
 * there is none. Linear time. */
weir_status weir_jinja_search(weir_jinja_run *run, const weir_jinja_string *s,
                              const weir_jinja_string *part, size_t from, size_t to, size_t *at);

/* Byte position of code point i; s->n for i >= s->n_chars. */
size_t weir_jinja_char_at(const weir_jinja_string *s, size_t i);
/* Code points in data [n]. */
size_t weir_jinja_count_chars(const char *data, size_t n);

/*
 * Text under construction: the output, what a macro writes, the result of a filter.
 * Begun by weir_jinja_build; needs no close. add_origin is or-ed to everything that is added (the
 * generation flag) and may change between additions.
 */
typedef struct weir_jinja_builder {
    weir_jinja_run *run;
    struct weir_jinja_buffer *buffer; /* NULL: nothing yet */
    size_t n, n_chars, n_more;        /* of the text so far */
    weir_jinja_origin first, last;    /* of its first and of its last byte */
    weir_jinja_origin add_origin;
} weir_jinja_builder;

/* room: bytes that are expected; 0 is fine. */
weir_status weir_jinja_build(weir_jinja_builder *b, weir_jinja_run *run, size_t room);
weir_status weir_jinja_add(weir_jinja_builder *b, const char *data, size_t n,
                           weir_jinja_origin origin);
weir_status weir_jinja_add_text(weir_jinja_builder *b, const char *text); /* the template's */
weir_status weir_jinja_add_string(weir_jinja_builder *b, const weir_jinja_string *s);
weir_status weir_jinja_add_part(weir_jinja_builder *b, const weir_jinja_string *s, size_t start,
                                size_t n);
/* str(v); UNDEFINED is "". */
weir_status weir_jinja_add_value(weir_jinja_builder *b, weir_jinja_value v);
/* A string of all that was added. The builder may go on; the string stays as it is. */
weir_status weir_jinja_built(weir_jinja_builder *b, weir_jinja_value *out);

/* a + b. Where a is the newest string of its buffer b is put behind it in place, so that building a
 * text piece by piece takes linear time. */
weir_status weir_jinja_concat(weir_jinja_run *run, const weir_jinja_string *a,
                              const weir_jinja_string *b, weir_jinja_value *out);

/* ---- lists, dicts, objects ----------------------------------------------------------------- */

typedef struct weir_jinja_list {
    weir_jinja_value *items; /* [n] */
    size_t n, cap;
    size_t next;   /* ITERATOR: the first item that was not yet taken; else 0 */
    bool is_group; /* a TUPLE of `groupby`: .grouper and .list are its two items */
} weir_jinja_list;

/* An empty one; type LIST, TUPLE or ITERATOR. A tuple is filled right away and not changed later;
 * an iterator gives the items of its list. */
weir_status weir_jinja_new_list(weir_jinja_run *run, weir_jinja_type type, size_t cap,
                                weir_jinja_value *out);
weir_status weir_jinja_append(weir_jinja_run *run, weir_jinja_list *list, weir_jinja_value v);
weir_status weir_jinja_insert(weir_jinja_run *run, weir_jinja_list *list, size_t at,
                              weir_jinja_value v);

/* Stable, by key as `<` orders. FAILED: keys that have no order. */
typedef struct weir_jinja_sortable {
    weir_jinja_value key, value;
} weir_jinja_sortable;
weir_status weir_jinja_sort(weir_jinja_run *run, weir_jinja_sortable *items, size_t n,
                            bool is_reversed);

/* What `for x in v` sees: items, keys, code points; nothing of UNDEFINED; the rest of an iterator,
 * which is then empty. FAILED: v is not iterable. The array stays valid though v changes. */
typedef struct weir_jinja_items {
    const weir_jinja_value *items; /* [n] */
    size_t n;
} weir_jinja_items;
weir_status weir_jinja_iterate(weir_jinja_run *run, weir_jinja_value v, weir_jinja_items *out);

typedef struct weir_jinja_entry {
    weir_jinja_value key, value;
    uint64_t hash;
} weir_jinja_entry;

/* In the order of insertion; a key that is set again keeps its place and its first spelling. */
typedef struct weir_jinja_dict {
    weir_jinja_entry *entries; /* [n] */
    size_t n, cap;
    uint32_t *slots; /* [n_slots] index + 1 of an entry, 0: free; NULL: few entries */
    size_t n_slots;  /* a power of two */
} weir_jinja_dict;

/* DICT or NAMESPACE. */
weir_status weir_jinja_new_dict(weir_jinja_run *run, weir_jinja_type type, weir_jinja_value *out);
/* FAILED: key is not hashable. */
weir_status weir_jinja_set(weir_jinja_run *run, weir_jinja_dict *dict, weir_jinja_value key,
                           weir_jinja_value value);
/* dict.update(from): a dict, or pairs. */
weir_status weir_jinja_update(weir_jinja_run *run, weir_jinja_dict *dict, weir_jinja_value from);
/* *entry NULL: there is none. */
weir_status weir_jinja_find(weir_jinja_run *run, const weir_jinja_dict *dict, weir_jinja_value key,
                            weir_jinja_entry **entry);
/* By a name; NULL: there is none. */
weir_jinja_entry *weir_jinja_find_text(const weir_jinja_dict *dict, const char *text, size_t n);
weir_status weir_jinja_remove(weir_jinja_run *run, weir_jinja_dict *dict, weir_jinja_entry *entry);

typedef struct weir_jinja_keyword {
    const weir_jinja_string *name;
    weir_jinja_value value;
} weir_jinja_keyword;

/* The arguments of a call. For filters and tests args[0] is what stands before the `|` or `is`. */
typedef struct weir_jinja_call {
    const char *name;             /* of what is called, for messages; NULL: the object's own */
    const weir_jinja_value *args; /* [n_args] */
    size_t n_args;
    const weir_jinja_keyword *keywords; /* [n_keywords] names differ */
    size_t n_keywords;
} weir_jinja_call;

typedef weir_status (*weir_jinja_function)(weir_jinja_run *run, const weir_jinja_call *call,
                                           weir_jinja_value *out);

/* What an object can do. */
typedef struct weir_jinja_behaviour {
    const char *type_name; /* as in "'loop' object is not iterable" */
    /* NULL: not callable */
    weir_status (*call)(weir_jinja_run *run, const struct weir_jinja_object *self,
                        const weir_jinja_call *call, weir_jinja_value *out);
    /* NULL: has none. *out is left UNDEFINED where there is no such attribute. */
    weir_status (*attribute)(weir_jinja_run *run, const struct weir_jinja_object *self,
                             const weir_jinja_string *name, weir_jinja_value *out);
} weir_jinja_behaviour;

typedef struct weir_jinja_object {
    const weir_jinja_behaviour *behaviour;
    const char *name;             /* of the function or macro, for messages; may be NULL */
    void *state;                  /* its owner's */
    weir_jinja_function function; /* of objects that are plain functions */
    weir_jinja_value self;        /* of bound methods */
} weir_jinja_object;

/* v(...): FAILED where v cannot be called. */
weir_status weir_jinja_call_value(weir_jinja_run *run, weir_jinja_value v,
                                  const weir_jinja_call *call, weir_jinja_value *out);

/* The functions that every template has: range dict namespace cycler joiner strftime_now
 * raise_exception. False: there is none of this name. */
bool weir_jinja_global(const char *name, size_t n, weir_jinja_value *out);

/*
 * Sorts a call's arguments into slots by the names of the parameters, "value separator=" and so on:
 * words with a space between, `=` behind those that may be left out. A slot that got nothing is
 * UNDEFINED with *is_given false (is_given may be NULL). FAILED, in Python's words: too many,
 * missing, unknown or given twice.
 */
enum { WEIR_JINJA_MAX_PARAMETERS = 8 };
weir_status weir_jinja_arguments(weir_jinja_run *run, const weir_jinja_call *call,
                                 const char *parameters, weir_jinja_value *slots, bool *is_given);

/* What a slot must hold. FAILED names the call, the parameter and the type that came. */
weir_status weir_jinja_text_argument(weir_jinja_run *run, const weir_jinja_call *call,
                                     const char *parameter, weir_jinja_value v,
                                     const weir_jinja_string **out);
weir_status weir_jinja_int_argument(weir_jinja_run *run, const weir_jinja_call *call,
                                    const char *parameter, weir_jinja_value v, int64_t *out);

/* ---- operators ----------------------------------------------------------------------------- */

typedef enum weir_jinja_operator {
    WEIR_JINJA_ADD,
    WEIR_JINJA_SUBTRACT,
    WEIR_JINJA_MULTIPLY,
    WEIR_JINJA_DIVIDE,
    WEIR_JINJA_FLOOR_DIVIDE,
    WEIR_JINJA_MODULO, /* of a string: printf-style formatting */
    WEIR_JINJA_POWER,
    WEIR_JINJA_JOIN, /* ~ */
    WEIR_JINJA_EQUAL,
    WEIR_JINJA_NOT_EQUAL,
    WEIR_JINJA_LESS,
    WEIR_JINJA_LESS_EQUAL,
    WEIR_JINJA_GREATER,
    WEIR_JINJA_GREATER_EQUAL,
    WEIR_JINJA_IN,
    WEIR_JINJA_NOT_IN
} weir_jinja_operator;

/* a operator b. FAILED where Python would raise. */
weir_status weir_jinja_binary(weir_jinja_run *run, weir_jinja_operator op, weir_jinja_value a,
                              weir_jinja_value b, weir_jinja_value *out);
weir_status weir_jinja_negative(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value *out);
weir_status weir_jinja_positive(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value *out);

weir_status weir_jinja_equal(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value b,
                             bool *out);
/* Negative, 0 or positive. FAILED: "'<' not supported between instances of 'str' and 'int'". With
 * a NaN *is_ordered is false. */
weir_status weir_jinja_order(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value b, int *out,
                             bool *is_ordered);
/* a in b */
weir_status weir_jinja_contains(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value b,
                                bool *out);

/* a.name: a method or an attribute, else the item of this name, else UNDEFINED. FAILED only if a is
 * itself undefined. */
weir_status weir_jinja_attribute(weir_jinja_run *run, weir_jinja_value a,
                                 const weir_jinja_string *name, weir_jinja_value *out);
/* What Python's getattr finds: no items; else UNDEFINED. */
weir_status weir_jinja_own_attribute(weir_jinja_run *run, weir_jinja_value a,
                                     const weir_jinja_string *name, weir_jinja_value *out);
/* a[key]: the item, else for a string key the attribute, else UNDEFINED. */
weir_status weir_jinja_item(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value key,
                            weir_jinja_value *out);
/* a[start:stop:step]; NONE for what is left out. */
weir_status weir_jinja_slice(weir_jinja_run *run, weir_jinja_value a, weir_jinja_value start,
                             weir_jinja_value stop, weir_jinja_value step, weir_jinja_value *out);

/* len(v). FAILED: v has none. */
weir_status weir_jinja_length(weir_jinja_run *run, weir_jinja_value v, size_t *out);

#endif
