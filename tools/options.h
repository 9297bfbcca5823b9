/*
 * options.h: one table per verb gives its flags, their parsing and their help.
 *
 * Owns the meaning of a command line: "--flag value", "--flag=value", "-f value", "--" before
 * operands that begin with a dash. A flag given twice counts as the last says, except one of type
 * STRINGS, which collects. Does not own what a value means to the engine: ranges are the library's
 * to check.
 *
 * Help, man pages and shell completions are made of the same table, so the names of values and
 * operands are more than decoration: weir_value_of says what each is completed with.
 */
#ifndef WEIR_TOOLS_OPTIONS_H
#define WEIR_TOOLS_OPTIONS_H

#include "weir.h"

/* Words of an --isa: the kernels that the CPU device has. */
#define WEIR_ISA_CHOICE "portable|avx2|avxvnni|avx512|avx512vnni|amx|neon|dotprod|i8mm"

#define WEIR_NO_PIN_HELP                                                                          \
    "leave threads where the system puts them; default: a team that takes\nall cores is tied to " \
    "them"

/* Words of a --device, and of --activations on any of them; which of these a device has, the
 * library says. */
#define WEIR_DEVICE_CHOICE      "cpu|cuda|reference"
#define WEIR_DEVICE_HELP        "default: cpu; cuda: an NVIDIA GPU; reference: the plain C oracle"
#define WEIR_ACTIVATIONS_CHOICE "q8|q15|f32|parity|bf16"
#define WEIR_ACTIVATIONS_HELP                                             \
    "in products; cpu: q8 (default), q15, f32, or parity: as llama.cpp\n" \
    "rounds them; cuda: bf16 (default) or f32"

typedef enum weir_option_type {
    WEIR_OPTION_FLAG,    /* bool */
    WEIR_OPTION_STRING,  /* const char *, kept by argv */
    WEIR_OPTION_U32,     /* uint32_t */
    WEIR_OPTION_U64,     /* uint64_t */
    WEIR_OPTION_FLOAT,   /* float, finite */
    WEIR_OPTION_SIZE,    /* uint64_t bytes: 500MB, 1.5GiB */
    WEIR_OPTION_TOKENS,  /* weir_token_list */
    WEIR_OPTION_BIASES,  /* weir_bias_list: ID:BIAS,ID:BIAS */
    WEIR_OPTION_CHOICE,  /* const char *: one of the words that value_name joins by | */
    WEIR_OPTION_STRINGS, /* weir_string_list: each time the flag is given adds one */
    WEIR_OPTION_GROUP /* no flag: name is the heading of the rows that follow; all else is zero */
} weir_option_type;

typedef struct weir_token_list {
    int32_t *item; /* [n] */
    size_t n;
} weir_token_list;

typedef struct weir_bias_list {
    weir_logit_bias *item; /* [n] */
    size_t n;
} weir_bias_list;

typedef struct weir_string_list {
    const char **item; /* [n], the strings kept by argv */
    size_t n;
} weir_string_list;

typedef struct weir_option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    weir_option_type type;
    size_t offset;          /* of the value in the verb's values */
    const char *value_name; /* in the help; NULL for flags; CHOICE: "auto|always|never" */
    const char *help;       /* lines separated by \n */
} weir_option;

enum { WEIR_MAX_OPTIONS = 96, WEIR_MAX_OPERANDS = 32 };

typedef struct weir_parsed weir_parsed;

typedef struct weir_verb {
    const char *name;
    const char *summary;  /* half a line */
    const char *operands; /* as in the usage line: "IN OUT" */
    size_t n_operands_min, n_operands_max;
    const char *details; /* what the help says below the options; NULL: nothing */
    const weir_option *options;
    size_t n_options;
    size_t values_bytes; /* of the verb's struct of values, which starts as zeros */
    int (*run)(const weir_parsed *parsed); /* the exit code */
} weir_verb;

struct weir_parsed {
    const weir_verb *verb;
    void *values; /* the verb's struct, owned */
    const char *operands[WEIR_MAX_OPERANDS];
    size_t n_operands;
    bool wants_help;
    bool is_given[WEIR_MAX_OPTIONS]; /* by row of the table */
};

/* arguments [n]: what follows the verb. BAD_ARGUMENT names the flag. Missing operands are no error
 * when help is wanted. weir_parsed_free is due also after a failure. */
weir_status weir_options_parse(weir_parsed *out, const weir_verb *verb, int n, char **arguments,
                               weir_error *err);
void weir_parsed_free(weir_parsed *parsed);

/* Was this flag on the command line? The name must be in the table. */
bool weir_option_given(const weir_parsed *parsed, const char *name);
/* Was this number given, and as 0? For those whose 0 stands for the default inside: asked for in so
 * many words it is a mistake. */
bool weir_option_given_zero(const weir_parsed *parsed, const char *name);

/* What stands for a value or an operand on the command line, by its name in the table. */
typedef enum weir_value {
    WEIR_VALUE_OTHER = 0,  /* only the user knows it: N, TEXT, PROMPT */
    WEIR_VALUE_FILE = 1,   /* FILE, IN, OUT, DATA, ...; what follows a dot is its ending */
    WEIR_VALUE_FOLDER = 2, /* DIR */
    WEIR_VALUE_MODEL = 3,  /* MODEL: a path, or the name of an installed model */
    WEIR_VALUE_CHOICES = 4 /* a|b|c */
} weir_value;

/* name [n] */
weir_value weir_value_of(const char *name, size_t n);

/* Usage, options and details of a verb, to standard output. */
void weir_options_help(const weir_verb *verb);

/* "1, 2 3" to ids: numbers with commas or white space between them. `where` begins the error line.
 * The list is the caller's to free. */
weir_status weir_parse_tokens(weir_token_list *out, const char *text, const char *where,
                              weir_error *err);

#endif
