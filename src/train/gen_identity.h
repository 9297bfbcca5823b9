/* gen_identity.h: inside the generator of talk about the model: what is asked and what is answered.
 */
#ifndef WEIR_TRAIN_GEN_IDENTITY_H
#define WEIR_TRAIN_GEN_IDENTITY_H

#include "train/gen.h"

typedef struct weir_identity_topic {
    const char *name;
    uint32_t weight;
    const char *asks[24];    /* patterns, NULL at the end */
    const char *replies[16]; /* the same */
    const char *any[10];     /* one of these phrases is in every answer; NULL at the end */
} weir_identity_topic;

extern const weir_identity_topic weir_identity_topics[];
extern const uint32_t weir_identity_n_topics;

/* Values of slots by name: {country}, {person}, ... ; rows are held out as in gen.h. */
typedef struct weir_identity_slot {
    const char *name;
    const char *const *words;
    uint32_t n;
} weir_identity_slot;

extern const weir_identity_slot weir_identity_slots[];
extern const uint32_t weir_identity_n_slots;

#endif
