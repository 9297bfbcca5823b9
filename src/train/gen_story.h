/*
 * gen_story.h: inside the story generator: the tables of words, the plots, and the world in which a
 * story happens. The world is what makes a story hold together: it knows who is there, who holds
 * what and how the hero feels; patterns read it by slots and change it by effects, and an effect
 * whose condition does not hold spoils the sample (a fault of the plot, which the tests find).
 *
 * Slots of a plot's patterns. Written with a capital, a slot's text gets one.
 *   {h} {f} {e} {m}   hero, friend, elder, parent ("his mother"), named or described, in turns
 *     .n name or "the mouse"   .call said to them   .k the noun   .a with article   .ks plural
 *     .intro on first sight    .he .him .his .himself         .home .live .food .ran .went .cried
 *     .body what shows how they feel ("ears")
 *   {he} {him} {his} {himself}                  of the hero
 *   {o} {t}           the thing of the story, a second thing: "the kite", "the red kite"
 *     .a "a red kite"   .n "kite"   .adj   .his "his red kite"   .v .ved .ving what one does with
 * it .broke "tore"     .mended "sewed up the tear" {p} {q}           two places: "the forest"   .in
 * .to .n .spot a hidden corner there {w}               the weather's word ("windy")       {w.line}
 * a sentence on it {feel.proud} {look.proud}   the hero now feels so: the word, or what shows it
 *   {!effect ...}     changes the world, see gen_story_world.c
 *   any other name    a pattern of weir_story_macros
 */
#ifndef WEIR_TRAIN_GEN_STORY_H
#define WEIR_TRAIN_GEN_STORY_H

#include "train/gen.h"

/* ---- tables --------------------------------------------------------------------------------- */

enum { /* weir_story_kind.flags */
       WEIR_STORY_ANIMAL = 1 << 0,
       WEIR_STORY_CHILD = 1 << 1,
       WEIR_STORY_ADULT = 1 << 2, /* has no mother in the story */
       WEIR_STORY_MAGIC = 1 << 3,
       WEIR_STORY_SMALL = 1 << 4,
       WEIR_STORY_BIG = 1 << 5,
       WEIR_STORY_FLIES = 1 << 6,
       WEIR_STORY_TINY = 1 << 7, /* holds small things only */
       WEIR_STORY_HE = 1 << 8,   /* always "he" */
       WEIR_STORY_SHE = 1 << 9,
       WEIR_STORY_PET = 1 << 10, /* a child's friend */
       WEIR_STORY_WALKS = 1 << 11
};

typedef struct weir_story_kind {
    const char *noun, *plural;
    uint32_t flags;
    const char *size;               /* pattern: what may stand before the noun */
    const char *home, *live, *food; /* "hole", "in a snug hole under an oak", "cheese" */
    const char *ran, *went, *voice, *body;
} weir_story_kind;

typedef struct weir_story_name {
    const char *name;
    bool is_she;
} weir_story_name;

enum { /* weir_story_object.flags */
       WEIR_STORY_TOY = 1 << 0,
       WEIR_STORY_LIGHT = 1 << 1, /* shines in the dark */
       WEIR_STORY_SHINY = 1 << 2,
       WEIR_STORY_MUSIC = 1 << 3,
       WEIR_STORY_WEAR = 1 << 4,
       WEIR_STORY_POCKET = 1 << 5, /* small */
       WEIR_STORY_FRAIL = 1 << 6,  /* can break: broke and mended are there */
       WEIR_STORY_FLOATS = 1 << 7,
       WEIR_STORY_EATEN = 1 << 8,
       WEIR_STORY_TOOL = 1 << 9,
       WEIR_STORY_HOLLOW = 1 << 10 /* something can be put in */
};

typedef struct weir_story_object {
    const char *noun;
    const char *adjectives; /* pattern */
    uint32_t flags;
    const char *v, *ved, *ving; /* before "it": "fly", "flew", "flying" */
    const char *broke, *mended; /* patterns, NULL: cannot break */
} weir_story_object;

enum { /* weir_story_place.flags */
       WEIR_STORY_WILD = 1 << 0,
       WEIR_STORY_WATER = 1 << 1,
       WEIR_STORY_DARK = 1 << 2,
       WEIR_STORY_HIGH = 1 << 3,
       WEIR_STORY_PEOPLE = 1 << 4,
       WEIR_STORY_GREEN = 1 << 5,
       WEIR_STORY_PEAK = 1 << 6
};

typedef struct weir_story_place {
    const char *noun, *in, *to; /* "forest", "in the forest", "to the forest" */
    uint32_t flags;
    const char *spot; /* pattern: "under a fern" */
} weir_story_place;

enum { /* weir_story_weather.flags */
       WEIR_STORY_FAIR = 1 << 0,
       WEIR_STORY_WIND = 1 << 1,
       WEIR_STORY_RAIN = 1 << 2,
       WEIR_STORY_SNOW = 1 << 3,
       WEIR_STORY_FOG = 1 << 4
};

typedef struct weir_story_weather {
    const char *adjective;
    uint32_t flags;
    const char *line; /* pattern: one sentence */
} weir_story_weather;

typedef struct weir_story_feeling {
    const char *word;
    const char *said;  /* pattern: the word and its neighbours, behind "was" or "felt" */
    const char *look;  /* pattern: behind the hero: "jumped for joy" */
    const char *cause; /* pattern: "because ..." in an answer */
    bool is_glad;
} weir_story_feeling;

enum {                            /* weir_story_trait.flags: which plots it suits */
       WEIR_STORY_GOOD = 1 << 0,  /* any */
       WEIR_STORY_SOFT = 1 << 1,  /* any; is overcome in the end */
       WEIR_STORY_BAD = 1 << 2,   /* only plots that name it */
       WEIR_STORY_SOCIAL = 1 << 3 /* is overcome by a friend only */
};

typedef struct weir_story_trait {
    const char *word;
    uint32_t flags;
    const char *early, *late; /* patterns: a sentence or two near the start and at the end */
} weir_story_trait;

typedef struct weir_story_elder {
    const char *noun; /* behind "the old" or "an old" */
    uint32_t flags;   /* of a kind: ANIMAL: with animals, ADULT: with people */
} weir_story_elder;

typedef struct weir_story_macro {
    const char *name, *pattern;
} weir_story_macro;

extern const weir_story_kind weir_story_kinds[];
extern const uint32_t weir_story_n_kinds;
extern const weir_story_name weir_story_names[];
extern const uint32_t weir_story_n_names;
extern const weir_story_object weir_story_objects[];
extern const uint32_t weir_story_n_objects;
extern const weir_story_place weir_story_places[];
extern const uint32_t weir_story_n_places;
extern const weir_story_weather weir_story_weathers[];
extern const uint32_t weir_story_n_weathers;
extern const weir_story_feeling weir_story_feelings[];
extern const uint32_t weir_story_n_feelings;
extern const weir_story_trait weir_story_traits[];
extern const uint32_t weir_story_n_traits;
extern const weir_story_elder weir_story_elders[];
extern const uint32_t weir_story_n_elders;
extern const weir_story_macro weir_story_macros[];
extern const uint32_t weir_story_n_macros;

/* ---- plots ---------------------------------------------------------------------------------- */

enum { /* weir_story_plot.flags */
       WEIR_STORY_SAD = 1 << 0,
       WEIR_STORY_FUNNY = 1 << 1,
       WEIR_STORY_BEDTIME = 1 << 2, /* ends in bed */
       WEIR_STORY_FRIENDS = 1 << 3, /* may be asked for as "two friends" */
       WEIR_STORY_PARENT = 1 << 4,  /* {m} occurs: no adult hero */
       WEIR_STORY_BRAVE = 1 << 5,   /* the hero is brave in it */
       WEIR_STORY_OPENED = 1 << 6,  /* brings its own opening */
       WEIR_STORY_CLOSED = 1 << 7   /* brings its own closing */
};

enum { WEIR_STORY_MOST_BEATS = 12 };

typedef struct weir_story_plot {
    const char *name;
    uint32_t flags;
    uint32_t hero, not_hero, friend, object, thing, place, weather; /* flags needed, 0: any */
    const char *traits; /* words; the hero has one of them. NULL: any that is not BAD */
    const char *about;  /* pattern, behind "a story about": a lost {o.n} */
    const char *who;    /* pattern, behind the hero: who loses {his} {o.n} */
    const char *title;  /* pattern */
    const char *brief;  /* pattern: the story in exactly three sentences */
    /* Patterns; in front may stand: '-' may be left out, '>' on the way, '~' a quiet moment: there
     * a side beat may come before it. */
    const char *beats[WEIR_STORY_MOST_BEATS];
} weir_story_plot;

typedef struct weir_story_plots {
    const weir_story_plot *plots;
    uint32_t n;
} weir_story_plots;

/* One list for each gen_plots_*_tables.c. */
extern const weir_story_plots weir_story_plots_lost, weir_story_plots_brave, weir_story_plots_kind,
    weir_story_plots_learn, weir_story_plots_play, weir_story_plots_home;

/* ---- the world ------------------------------------------------------------------------------ */

typedef enum weir_story_who {
    WEIR_STORY_HERO,
    WEIR_STORY_FRIEND,
    WEIR_STORY_ELDER,
    WEIR_STORY_MOTHER,
    WEIR_STORY_N_WHO,
    WEIR_STORY_NOBODY = WEIR_STORY_N_WHO
} weir_story_who;

typedef struct weir_story_person {
    const weir_story_kind *kind; /* NULL for elder and parent */
    const char *name;            /* NULL: none */
    const char *noun;            /* "mouse", "owl", "mother" */
    char size[16];               /* "little"; empty: none */
    bool is_she;
    bool is_met; /* was mentioned */
} weir_story_person;

typedef struct weir_story_thing {
    const weir_story_object *object;
    char adjective[24];
    weir_story_who holder;
    bool is_met, is_broken, is_gone;
} weir_story_thing;

typedef struct weir_story_world {
    weir_gen *g;
    const weir_story_plot *plot;
    const weir_story_trait *trait; /* NULL: none is told */
    weir_story_person who[WEIR_STORY_N_WHO];
    weir_story_thing thing[2];
    const weir_story_place *place[2];
    bool is_place_met[2];
    const weir_story_weather *weather;
    const weir_story_feeling *feeling; /* the hero's last one; NULL: none was told */
    const char *fault;                 /* an effect whose condition did not hold; NULL: none */
    weir_gen_text scratch[16];         /* texts of slots, used in turn */
    uint32_t next_scratch;
} weir_story_world;

/* What a story must have; zeros and NULL: free. */
typedef struct weir_story_wish {
    const char *kind, *trait; /* words of the tables */
    uint32_t plot_flags;      /* all of these */
    uint32_t plot_flags_not;  /* none of these */
    const weir_story_plot *plot, *not_plot;
    bool is_named; /* the hero has a name */
} weir_story_wish;

/* Draws plot, people, things and places. The world starts zeroed; free it in the end. */
void weir_story_world_draw(weir_story_world *world, weir_gen *g, const weir_story_wish *wish);
/* The same drawn world before anything happened in it. */
void weir_story_world_rewind(weir_story_world *world);
void weir_story_world_free(weir_story_world *world);

/* "brave little mouse", but "big brave bear"; until a dozen slots later. */
const char *weir_story_describe(weir_story_world *world, const char *trait, const char *size,
                                const char *noun);

/* Appends a pattern ('^' and all) to text, and takes its effects. */
void weir_story_tell(weir_story_world *world, weir_gen_text *text, const char *pattern);

/* A whole story: opening, beats, side beats, closing. */
void weir_story_tell_all(weir_story_world *world, weir_gen_text *text);
/* The story in n sentences, 3 to 6. */
void weir_story_tell_brief(weir_story_world *world, weir_gen_text *text, uint32_t n);

/* The last plot that weir_story_world_draw may choose is n - 1. */
uint32_t weir_story_n_plots(void);
const weir_story_plot *weir_story_plot_at(uint32_t i);

#endif
