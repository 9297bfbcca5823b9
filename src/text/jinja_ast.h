/*
 * jinja_ast.h: what a template is after parsing: a tree of nodes in the pool of its template,
 * immutable from then on; any number of renders may walk it at once.
 *
 * Every node has a kind, the line where it begins, and the member of `as` that its kind names. A
 * list of nodes hangs together by `next`.
 */
#ifndef WEIR_TEXT_JINJA_AST_H
#define WEIR_TEXT_JINJA_AST_H

#include "text/jinja_value.h"

typedef enum weir_jinja_kind {
    /* expressions */
    WEIR_JINJA_CONST,      /* constant */
    WEIR_JINJA_NAME,       /* name; also a target */
    WEIR_JINJA_LIST_OF,    /* items */
    WEIR_JINJA_TUPLE_OF,   /* items; also a target */
    WEIR_JINJA_DICT_OF,    /* items: key, value, key, value, ... */
    WEIR_JINJA_ATTRIBUTE,  /* attribute: of.name; as a target: of a namespace */
    WEIR_JINJA_ITEM,       /* item: of[key]; the key may be a SLICE, which stands nowhere else */
    WEIR_JINJA_SLICE,      /* slice */
    WEIR_JINJA_CALL,       /* call */
    WEIR_JINJA_APPLY,      /* apply: a filter or a test */
    WEIR_JINJA_NOT,        /* operand */
    WEIR_JINJA_NEGATIVE,   /* operand */
    WEIR_JINJA_POSITIVE,   /* operand */
    WEIR_JINJA_BINARY,     /* binary: arithmetic */
    WEIR_JINJA_AND,        /* binary */
    WEIR_JINJA_OR,         /* binary */
    WEIR_JINJA_COMPARE,    /* compare: first, then links with an operator each */
    WEIR_JINJA_COMPARE_TO, /* binary: a link; left is NULL */
    WEIR_JINJA_CHOICE,     /* choice: then if test else otherwise, which may be NULL */
    WEIR_JINJA_KEYWORD,    /* keyword: an argument name=value */
    /* statements */
    WEIR_JINJA_TEXT,         /* constant: a string that is written as it is */
    WEIR_JINJA_PRINT,        /* operand */
    WEIR_JINJA_DO,           /* operand */
    WEIR_JINJA_FOR,          /* loop */
    WEIR_JINJA_IF,           /* items: BRANCH, BRANCH, ... */
    WEIR_JINJA_BRANCH,       /* branch: its test is NULL for else */
    WEIR_JINJA_SET,          /* set */
    WEIR_JINJA_SET_BLOCK,    /* set: the value is the body's text, through value's filters if any */
    WEIR_JINJA_MACRO,        /* macro */
    WEIR_JINJA_CALL_BLOCK,   /* macro: the caller, and the call that is given it */
    WEIR_JINJA_FILTER_BLOCK, /* set: as SET_BLOCK, but written; the target is NULL */
    WEIR_JINJA_WITH,         /* with */
    WEIR_JINJA_SCOPE,        /* items: statements with names of their own */
    WEIR_JINJA_BLOCK,        /* block */
    WEIR_JINJA_GENERATION,   /* items: what a model is trained to write */
    WEIR_JINJA_BREAK,
    WEIR_JINJA_CONTINUE
} weir_jinja_kind;

/* A name in the template; there is one symbol for each, so that symbols compare by address. */
typedef struct weir_jinja_symbol {
    weir_jinja_string text;
} weir_jinja_symbol;

typedef struct weir_jinja_node weir_jinja_node;

typedef struct weir_jinja_nodes {
    weir_jinja_node *first, *last;
    size_t n;
} weir_jinja_nodes;

typedef struct weir_jinja_argument_list {
    weir_jinja_nodes positional;
    weir_jinja_nodes keywords;         /* KEYWORD */
    weir_jinja_node *star, *star_star; /* *args and **kwargs, or NULL */
} weir_jinja_argument_list;

typedef struct weir_jinja_for {
    const weir_jinja_symbol *loop_name; /* "loop" */
    weir_jinja_node *target, *over;
    weir_jinja_node *test; /* of `if`, or NULL */
    weir_jinja_nodes body, otherwise;
    bool is_recursive;
} weir_jinja_for;

enum { WEIR_JINJA_MAX_MACRO_PARAMETERS = 64 };

typedef struct weir_jinja_parameter {
    const weir_jinja_symbol *name;
    const weir_jinja_node *fallback; /* NULL: none */
} weir_jinja_parameter;

typedef struct weir_jinja_macro {
    const weir_jinja_symbol *name;    /* of a caller: NULL */
    const char *words;                /* for messages: the name, or "caller" */
    weir_jinja_parameter *parameters; /* [n_parameters] */
    size_t n_parameters;
    weir_jinja_nodes body;
    /* Each NULL unless the body reads this name and no parameter has it. */
    const weir_jinja_symbol *caller, *varargs, *kwargs;
    const weir_jinja_node *call; /* of a call block; else NULL */
} weir_jinja_macro;

struct weir_jinja_node {
    weir_jinja_kind kind;
    uint32_t line;
    weir_jinja_node *next; /* in its list */
    union {
        weir_jinja_value constant;
        const weir_jinja_symbol *name;
        weir_jinja_nodes items;
        struct {
            weir_jinja_node *of;
            const weir_jinja_symbol *name;
        } attribute;
        struct {
            weir_jinja_node *of, *key;
        } item;
        struct {
            weir_jinja_node *start, *stop, *step; /* NULL: left out */
        } slice;
        struct {
            weir_jinja_node *callee;
            const weir_jinja_argument_list *arguments;
            const char *name; /* for messages: "range()" */
        } call;
        struct {
            weir_jinja_node *of; /* NULL: the text of the block that is filtered */
            const weir_jinja_argument_list *arguments;
            const char *name;             /* for messages: "filter 'join'" */
            weir_jinja_function function; /* NULL: there is none, and it matters only if reached */
        } apply;
        weir_jinja_node *operand;
        struct {
            weir_jinja_node *left, *right;
            weir_jinja_operator op;
        } binary;
        struct {
            weir_jinja_node *first;
            weir_jinja_node *links;
        } compare;
        struct {
            weir_jinja_node *test, *then, *otherwise;
        } choice;
        struct {
            const weir_jinja_symbol *name;
            weir_jinja_node *value;
        } keyword;
        const weir_jinja_for *loop;
        struct {
            weir_jinja_node *test;
            weir_jinja_node *body; /* the first of a list */
        } branch;
        struct {
            weir_jinja_node *target, *value;
            weir_jinja_node *body; /* the first of a list */
        } set;
        const weir_jinja_macro *macro;
        struct {
            weir_jinja_node *targets, *values; /* lists of equal length */
            weir_jinja_node *body;
        } with;
        struct {
            weir_jinja_node *body;
            bool is_scoped;
        } block;
    } as;
};

#endif
