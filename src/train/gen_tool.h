/*
 * gen_tool.h: what the files of the tool generator share: how a function of a family is described
 * in the tables, how it is declared in one sample (a face), and one use of it with its values (a
 * case).
 *
 * A function has slots: arguments and fields of its result. Patterns name slots; a pattern can only
 * be used where all its slots have a value. Which arguments a call has is what the chosen pattern
 * has mentioned, so a call can always be read from the text.
 *
 * Value kinds (how a slot is drawn):
 *   int:LO:HI[:STEP]  dec:LO:HI (one decimal)  money:LO:HI (two)  num:LO:HI (any of these)
 *   of:a|b|c          one of these, never held out; an argument of this kind is an enum
 *   =slot             the same as another slot (a result that echoes an argument)
 *   @slot             set by the function's `work`
 *   a name            a table of gen_tool_value.c: city, person, item, song ...
 */
#ifndef WEIR_TRAIN_GEN_TOOL_H
#define WEIR_TRAIN_GEN_TOOL_H

#include "train/gen.h"

enum {
    WEIR_TOOL_ARGS = 4,
    WEIR_TOOL_FIELDS = 6,
    WEIR_TOOL_SLOTS = 12,
    WEIR_TOOL_VALUE = 160, /* bytes of a value */
    WEIR_TOOL_NAME = 48,
};
/* A style of names (weir_tool_style_draw never draws it): a function always has the same face, with
 * the first of its names, notes and types and with all its arguments. */
#define WEIR_TOOL_STYLE_FIXED UINT32_MAX

typedef struct weir_tool_case weir_tool_case;

typedef struct weir_tool_arg {
    const char *slot;
    const char *names; /* "city|location|place" */
    const char *notes; /* descriptions, the same way; NULL: none */
    const char *types; /* one of its letters: s string, i integer, n number, b boolean, l list */
    const char *value;
    bool is_optional; /* not in every face, not in "required" */
} weir_tool_arg;

typedef struct weir_tool_field {
    const char *slot, *names, *types, *value;
    bool is_optional;
} weir_tool_field;

/* Lists of patterns end with NULL. Patterns of questions begin with a small letter. */
typedef struct weir_tool_function {
    const char *family;
    const char *group; /* never NULL; functions of one group do the same: never listed together */
    bool is_general;   /* can do what the others of its family do: never listed with them */
    const char *names, *notes;
    const char *does; /* "check the weather": after "I can" */
    weir_tool_arg args[WEIR_TOOL_ARGS];
    weir_tool_field fields[WEIR_TOOL_FIELDS];
    const char *const *asks;
    const char *const *answers; /* clauses without a full stop that tell the result */
    const char *const *clauses; /* the same, each saying which call is meant: for several calls */
    const char *const *pairs;   /* ask for two: {key} and {key2}; three: and {key3} */
    const char *key;            /* the slot that differs then */
    const char *const *follows; /* ask again with other values for the slots they mention */
    const char *missing;        /* a slot that the asks in missing_asks leave out */
    const char *const *missing_asks, *const *questions, *const *replies;
    const char *error; /* results that are errors: texts divided by | */
    const char *const *error_answers;
    void (*prepare)(weir_gen *g, weir_tool_case *use); /* sets arguments that belong together */
    void (*work)(weir_gen *g, weir_tool_case *use);    /* sets @ slots from the arguments */
} weir_tool_function;

/* A function as one sample declares it. */
typedef struct weir_tool_face {
    const weir_tool_function *function;
    char name[WEIR_TOOL_NAME];
    char arg_names[WEIR_TOOL_ARGS][WEIR_TOOL_NAME];
    char arg_types[WEIR_TOOL_ARGS]; /* 0: this face has it not */
    char field_names[WEIR_TOOL_FIELDS][WEIR_TOOL_NAME];
    char field_types[WEIR_TOOL_FIELDS];
    bool is_fixed; /* WEIR_TOOL_STYLE_FIXED */
} weir_tool_face;

typedef struct weir_tool_slot {
    const char *name;
    char text[WEIR_TOOL_VALUE]; /* as it is spoken */
    char raw[WEIR_TOOL_VALUE];  /* of a list: the items divided by | */
} weir_tool_slot;

/* One call: its slots with values, and which of them the ask has mentioned. */
struct weir_tool_case {
    const weir_tool_face *face;
    weir_tool_slot slots[WEIR_TOOL_SLOTS];
    uint32_t n_slots, n_args; /* slots [0, n_args) are arguments, the others of the result */
    uint32_t mentioned;       /* a bit for each slot */
    uint32_t told;            /* a bit for each slot that stands in the result */
};

/* Two functions of which the second is called with a value from the first's result. Patterns name
 * slots as 1.slot and 2.slot. */
typedef struct weir_tool_chain {
    const char *first, *from; /* first name in `names`, and its result's slot */
    const char *second, *to;  /* and its argument's */
    const char *const *asks;
    const char *const *answers;
} weir_tool_chain;

/* ---- tables (gen_tool_*tables.c) --------------------------------------------------------------
 */

extern const weir_tool_function
    *const weir_tool_families[];                 /* each ends with a row without names */
extern const weir_tool_chain weir_tool_chains[]; /* ends the same way */
extern const weir_tool_function weir_tool_weather[], weir_tool_calculator[], weir_tool_units[],
    weir_tool_calendar[], weir_tool_timers[], weir_tool_home[], weir_tool_dictionary[],
    weir_tool_currency[], weir_tool_shopping[], weir_tool_people[], weir_tool_music[],
    weir_tool_messages[];

/* ---- values (gen_tool_value.c) ----------------------------------------------------------------
 */

/* Draws a value of a kind that is neither '=' nor '@'. raw may stay empty. */
void weir_tool_value_draw(weir_gen *g, const char *kind, char text[WEIR_TOOL_VALUE],
                          char raw[WEIR_TOOL_VALUE]);
/* A made-up word; held-out ones begin with letters that no other begins with. */
void weir_tool_value_word(weir_gen *g, char text[WEIR_TOOL_VALUE]);
/* The i-th of names divided by |, or a random one. */
void weir_tool_value_pick(weir_gen *g, const char *names, char *out, size_t cap);
/* A number without needless zeros, at most two decimals. */
void weir_tool_value_number(double value, char text[WEIR_TOOL_VALUE]);
/* A number as that writes it; *end, unless NULL: what stands behind it. */
double weir_tool_value_read(const char *text, const char **end);
/* {meaning}, {synonym} of a word of the table; false: not there. */
bool weir_tool_value_entry(const char *word, const char **meaning, const char **synonym);

/* ---- calls (gen_tool_call.c) ------------------------------------------------------------------
 */

/* How the names of a sample are written. */
uint32_t weir_tool_style_draw(weir_gen *g);
/* Another face of a function. style is the sample's: how names are written. */
void weir_tool_face_draw(weir_gen *g, weir_tool_face *face, const weir_tool_function *function,
                         uint32_t style);
/* The JSON schema of a face; is_wrapped: {"type": "function", "function": ..}. */
json_t *weir_tool_face_schema(weir_gen *g, const weir_tool_face *face, bool is_wrapped,
                              bool has_notes);

/* Draws all arguments that the face has; nothing is mentioned yet. */
void weir_tool_case_draw(weir_gen *g, weir_tool_case *use, const weir_tool_face *face);
/* Draws an argument that has a value anew, so that it differs from what it was; what `prepare` has
 * set stays. */
void weir_tool_case_redraw(weir_gen *g, weir_tool_case *use, const char *slot);
/* Forgets the arguments that were not mentioned. */
void weir_tool_case_settle(weir_tool_case *use);
/* Draws the result, and computes what depends on the arguments. */
void weir_tool_case_run(weir_gen *g, weir_tool_case *use);
/* Forgets the result and what was mentioned. */
void weir_tool_case_again(weir_tool_case *use);

weir_tool_slot *weir_tool_case_find(weir_tool_case *use, const char *name, size_t n); /* or NULL */
void weir_tool_case_set(weir_tool_case *use, const char *name, const char *text);
void weir_tool_case_set_number(weir_tool_case *use, const char *name, double value);
double weir_tool_case_number(weir_tool_case *use, const char *name);

json_t *weir_tool_case_call(weir_tool_case *use); /* {"name", "arguments"} */
/* The JSON text of the result. */
void weir_tool_case_result(weir_gen *g, weir_gen_text *text, weir_tool_case *use);
/* The JSON text of a result that is an error. */
void weir_tool_error_result(weir_gen *g, weir_gen_text *text, const char *error);

/* ---- patterns (gen_tool_talk.c) ---------------------------------------------------------------
 */

/* A pattern of a list whose slots all have values; NULL: there is none. */
const char *weir_tool_pattern(weir_gen *g, const char *const *list, weir_tool_case *use,
                              uint32_t n_uses);
/* Appends it. Slot "city" is the first case's, "1.city" and "2.city" are of each, and "city2",
 * "city3" are slot city of the second and third. Mentioned slots are marked. is_sentence: the first
 * letter becomes a capital unless it is a value's. */
void weir_tool_say(weir_gen *g, weir_gen_text *text, const char *pattern, weir_tool_case *use,
                   uint32_t n_uses, bool is_sentence);
/* The same for a question or an order, in one of several manners: "could you please ..?" */
void weir_tool_ask(weir_gen *g, weir_gen_text *text, const char *pattern, weir_tool_case *use,
                   uint32_t n_uses, bool is_sentence);
/* Appends to a JSON list the values that every usable pattern of the list mentions outside of
 * choices; is_told: only those that stand in the result. */
void weir_tool_must(json_t *contains, const char *const *list, weir_tool_case *use, uint32_t n_uses,
                    bool is_told);

#endif
