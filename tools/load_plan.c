/*
 * load_plan.c: see load_plan.h. Every choice is a random number of its own (seed, what is chosen,
 * request), never the next one of a sequence. JSON of the user's goes into requests as it was
 * written.
 */
#include "load_plan.h"

#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "json_text.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TOKENS = 1 << 24, MOST_MIX_BYTES = 256 << 20, N_WHERE = 320 };

/* Keys of random numbers under the seed; requests have those of their phase. */
enum {
    KEY_WARMUP = WEIR_LOAD_WARMUP,
    KEY_MEASURED = WEIR_LOAD_MEASURED,
    KEY_PREFIX,
    KEY_GAP,
    KEY_PROBE
};

/* What is chosen for a request. */
enum {
    CHOICE_LINE = 0,
    CHOICE_PROMPT_LENGTH,
    CHOICE_OUTPUT_LENGTH,
    CHOICE_GROUP,
    CHOICE_KIND,
    CHOICE_LEAVING,
    CHOICE_SEED,
    CHOICE_WORDS
};

/* A line of a mix. */
typedef struct mix_line {
    char *prompt; /* JSON: messages, a text or ids; NULL: it is made */
    char *others; /* JSON object of the members that only the server knows */
    bool has_messages, is_text;
    uint64_t n_prompt;                            /* tokens; 0: unknown */
    weir_load_range prompt_tokens, output_tokens; /* max 0: as the options say */
    double weight_up_to_it;                       /* of all lines up to this one */
} mix_line;

struct weir_load_plan {
    weir_load_plan_options options;
    weir_load_calibration calibration;
    mix_line *line; /* [n_lines] of the mix */
    size_t n_lines;
};

/* ---- ranges ------------------------------------------------------------------------------------
 */

static bool read_bound(const char **at, uint32_t *out) {
    char *end;
    if (!isdigit((unsigned char)**at))
        return false;
    unsigned long long value = strtoull(*at, &end, 10);
    *at = end;
    *out = (uint32_t)value;
    return value <= MOST_TOKENS;
}

static bool read_range(weir_load_range *out, const char *text, uint32_t least) {
    const char *at = text;
    uint32_t around = 0;
    if (!read_bound(&at, &out->min))
        return false;
    out->max = out->min;
    if (at[0] == '+' && at[1] == '-') {
        at += 2;
        if (!read_bound(&at, &around) || around > out->min)
            return false;
        out->max = out->min + around;
        out->min -= around;
    } else if (*at == '-') {
        at++;
        if (!read_bound(&at, &out->max))
            return false;
    }
    return !*at && out->min >= least && out->min <= out->max && out->max <= MOST_TOKENS;
}

weir_status weir_load_range_parse(weir_load_range *out, const char *name, const char *text,
                                  uint32_t least, weir_error *err) {
    if (!read_range(out, text, least))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--%s: expected a number from %u to %d, or two as in 64-512 or 256+-64, "
                         "got '%s'",
                         name, least, MOST_TOKENS, text);
    return WEIR_STATUS_OK;
}

static uint32_t in_range(weir_load_range range, uint64_t bits) {
    return range.min + (uint32_t)(bits % ((uint64_t)range.max - range.min + 1));
}

/* ---- mixes -------------------------------------------------------------------------------------
 */

/* Members that the plan writes itself, and nobody else. */
static bool is_ours(const weir_json_member *member) {
    static const char *const ours[] = {
        "messages", "prompt", "max_tokens", "max_completion_tokens", "stream", "stream_options"};
    for (size_t i = 0; i < WEIR_COUNT(ours); i++)
        if (weir_json_member_is(member, ours[i]))
            return true;
    return false;
}

static weir_status fail_for_ours(const weir_json_member *member, const char *where,
                                 weir_error *err) {
    return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: '%.*s' is written by weir bench serve itself",
                     where, (int)member->n_key, member->key);
}

/* JSON of the command line that goes into every request. */
static weir_status check_extra(const char *text, const char *where, weir_error *err) {
    const char *at = text;
    weir_json_member member;
    json_t *json = weir_json_read(text, strlen(text), where, err);
    bool is_object = json_is_object(json);
    if (!json)
        return WEIR_STATUS_BAD_FILE;
    json_decref(json);
    if (!is_object)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: expected a JSON object", where);
    while (weir_json_member_next(&at, &member))
        if (is_ours(&member))
            return fail_for_ours(&member, where, err);
    return WEIR_STATUS_OK;
}

static weir_status check_messages(const json_t *messages, const char *where, weir_error *err) {
    bool is_good = json_array_size(messages) > 0;
    for (size_t i = 0; i < json_array_size(messages); i++)
        is_good &= json_is_object(json_array_get(messages, i));
    return is_good ? WEIR_STATUS_OK
                   : weir_fail(err, WEIR_STATUS_BAD_FILE,
                               "%s: messages: expected a list of at least one message", where);
}

/* Also a real one: beside an integer beyond 64 bits all numbers of a line are read as such. */
static bool is_whole(const json_t *json, double least, double most) {
    double value = json_number_value(json);
    return json_is_number(json) && value >= least && value <= most && value == floor(value);
}

static weir_status check_prompt(mix_line *line, const json_t *prompt, const char *where,
                                weir_error *err) {
    bool is_good = json_is_string(prompt) || json_array_size(prompt) > 0;
    for (size_t i = 0; i < json_array_size(prompt); i++)
        is_good &= is_whole(json_array_get(prompt, i), 0, INT32_MAX);
    line->is_text = json_is_string(prompt);
    line->n_prompt = json_array_size(prompt);
    return is_good ? WEIR_STATUS_OK
                   : weir_fail(err, WEIR_STATUS_BAD_FILE,
                               "%s: prompt: expected a text, or a list of token ids", where);
}

/* A number, or a text of two: "64-512". */
static weir_status read_tokens(weir_load_range *out, const char *key, const json_t *json,
                               const char *where, weir_error *err) {
    bool is_good = json_is_string(json) ? read_range(out, json_string_value(json), 1)
                                        : is_whole(json, 1, MOST_TOKENS);
    if (is_good && !json_is_string(json))
        out->min = out->max = (uint32_t)json_number_value(json);
    return is_good ? WEIR_STATUS_OK
                   : weir_fail(err, WEIR_STATUS_BAD_FILE,
                               "%s: %s: expected a whole number from 1 to %d, or a text of two: "
                               "\"64-512\"",
                               where, key, MOST_TOKENS);
}

static weir_status read_weight(double *out, const json_t *json, const char *where,
                               weir_error *err) {
    *out = json_number_value(json);
    return json_is_number(json) && *out >= 0 && *out <= 1e9
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: weight: expected a number from 0 to 1e9",
                           where);
}

static weir_status take_prompt(mix_line *line, const weir_json_member *member, const json_t *json,
                               const char *where, weir_error *err) {
    if (line->prompt)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: expected messages or prompt, and once",
                         where);
    line->has_messages = weir_json_member_is(member, "messages");
    WEIR_TRY(line->has_messages ? check_messages(json, where, err)
                                : check_prompt(line, json, where, err));
    line->prompt = weir_text_copy(member->value, member->n_value);
    return line->prompt
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the mix of requests");
}

static void add_member(weir_text_buffer *object, const weir_json_member *member) {
    weir_text_buffer_say(object, object->n > 0 ? ",\"" : "{\"");
    weir_text_buffer_add(object, member->key, member->n_key);
    weir_text_buffer_say(object, "\":");
    weir_text_buffer_add(object, member->value, member->n_value);
}

/* One member of a line, as it was written and as JSON. */
static weir_status take_member(mix_line *line, double *weight, weir_text_buffer *others,
                               const weir_json_member *member, const json_t *json,
                               const char *where, weir_error *err) {
    if (weir_json_member_is(member, "weight"))
        return read_weight(weight, json, where, err);
    if (weir_json_member_is(member, "prompt_tokens"))
        return read_tokens(&line->prompt_tokens, "prompt_tokens", json, where, err);
    if (weir_json_member_is(member, "output_tokens"))
        return read_tokens(&line->output_tokens, "output_tokens", json, where, err);
    if (weir_json_member_is(member, "messages") || weir_json_member_is(member, "prompt"))
        return take_prompt(line, member, json, where, err);
    if (is_ours(member) && strncmp(member->key, "max_", 4) == 0)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: expected output_tokens, got '%.*s'", where,
                         (int)member->n_key, member->key);
    if (is_ours(member))
        return fail_for_ours(member, where, err);
    add_member(others, member);
    return WEIR_STATUS_OK;
}

/* json: of the line, for its members' values. */
static weir_status read_members(mix_line *line, double *weight, const char *text,
                                const json_t *json, const char *where, weir_error *err) {
    const char *at = text;
    weir_json_member member;
    weir_text_buffer others = {0};
    weir_status status = WEIR_STATUS_OK;
    while (weir_json_member_next(&at, &member)) {
        char key[16] = "";
        if (member.n_key < sizeof key)
            memcpy(key, member.key, member.n_key);
        WEIR_TRY_GOTO(
            take_member(line, weight, &others, &member, json_object_get(json, key), where, err));
    }
    if (!line->prompt && line->prompt_tokens.max == 0)
        WEIR_TRY_GOTO(weir_fail(err, WEIR_STATUS_BAD_FILE,
                                "%s: expected messages, prompt or prompt_tokens", where));
    if (line->prompt && line->prompt_tokens.max > 0)
        WEIR_TRY_GOTO(weir_fail(err, WEIR_STATUS_BAD_FILE,
                                "%s: prompt_tokens is for a prompt that is made, and one is given",
                                where));
    if (others.n > 0)
        weir_text_buffer_say(&others, "}");
    WEIR_TRY_GOTO(weir_text_buffer_check(&others, "the mix of requests", err));
    line->others = others.data;
    return WEIR_STATUS_OK;
fail:
    weir_text_buffer_free(&others);
    return status;
}

/* text: one line, 0-terminated. */
static weir_status read_line(mix_line *line, double *weight, const char *text, const char *where,
                             weir_error *err) {
    *weight = 1;
    json_t *json = weir_json_read(text, strlen(text), where, err);
    if (!json)
        return WEIR_STATUS_BAD_FILE;
    weir_status status = json_is_object(json) ? read_members(line, weight, text, json, where, err)
                                              : weir_fail(err, WEIR_STATUS_BAD_FILE,
                                                          "%s: expected a JSON object", where);
    json_decref(json);
    return status;
}

static mix_line *add_line(weir_load_plan *plan, weir_error *err) {
    if ((plan->n_lines & (plan->n_lines - 1)) == 0) { /* a power of two: full */
        size_t cap = plan->n_lines ? 2 * plan->n_lines : 1;
        mix_line *longer = realloc(plan->line, cap * sizeof *longer);
        if (!longer) {
            weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the mix of requests");
            return NULL;
        }
        plan->line = longer;
    }
    plan->line[plan->n_lines] = (mix_line){0};
    return &plan->line[plan->n_lines++];
}

/* Divides text at its line ends, which become zeros. */
static weir_status read_lines(weir_load_plan *plan, char *text, weir_error *err) {
    const char *path = plan->options.mix_path;
    double sum = 0, weight;
    unsigned long number = 0;
    for (char *at = text; at;) {
        char where[N_WHERE], *end = strchr(at, '\n');
        if (end)
            *end = 0;
        number++;
        if (at[strspn(at, " \t\r")]) { /* empty lines are nothing */
            snprintf(where, sizeof where, "%s, line %lu", path, number);
            mix_line *line = add_line(plan, err);
            if (!line)
                return WEIR_STATUS_NO_MEMORY;
            WEIR_TRY(read_line(line, &weight, at, where, err));
            sum += weight;
            line->weight_up_to_it = sum;
        }
        at = end ? end + 1 : NULL;
    }
    return sum > 0 ? WEIR_STATUS_OK
                   : weir_fail(err, WEIR_STATUS_BAD_FILE,
                               "%s: expected at least one line with a weight above 0", path);
}

static weir_status read_mix(weir_load_plan *plan, weir_error *err) {
    char *text = NULL;
    size_t n;
    const char *path = plan->options.mix_path;
    WEIR_TRY(weir_file_read(path, MOST_MIX_BYTES, &text, &n, err));
    weir_status status = strlen(text) == n ? read_lines(plan, text, err)
                                           : weir_fail(err, WEIR_STATUS_BAD_FILE,
                                                       "%s: expected JSON lines, got a 0 byte at "
                                                       "byte %zu",
                                                       path, strlen(text));
    free(text);
    return status;
}

/* ---- the plan ----------------------------------------------------------------------------------
 */

weir_status weir_load_plan_open(weir_load_plan **out, const weir_load_plan_options *options,
                                weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    assert(options->output_tokens.min > 0 && options->id_range.min <= options->id_range.max);
    *out = calloc(1, sizeof **out);
    if (!*out)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the plan of requests");
    (*out)->options = *options;
    (*out)->calibration.tokens_per_word = 1;
    if (options->extra)
        WEIR_TRY_GOTO(check_extra(options->extra, "--body", err));
    if (options->mix_path)
        WEIR_TRY_GOTO(read_mix(*out, err));
    return WEIR_STATUS_OK;
fail:
    weir_load_plan_close(out);
    return status;
}

void weir_load_plan_close(weir_load_plan **plan) {
    if (!*plan)
        return;
    for (size_t i = 0; i < (*plan)->n_lines; i++) {
        free((*plan)->line[i].prompt);
        free((*plan)->line[i].others);
    }
    free((*plan)->line);
    free(*plan);
    *plan = NULL;
}

static bool names_member(const char *extra, const char *key) {
    weir_json_member member;
    return extra && weir_json_member_find(extra, key, &member);
}

bool weir_load_plan_names_models(const weir_load_plan *plan) {
    bool has_all = plan->n_lines > 0;
    for (size_t i = 0; i < plan->n_lines; i++)
        has_all &= names_member(plan->line[i].others, "model");
    return has_all || names_member(plan->options.extra, "model");
}

bool weir_load_plan_makes_words(const weir_load_plan *plan) {
    const weir_load_plan_options *o = &plan->options;
    bool makes = plan->n_lines == 0;
    for (size_t i = 0; i < plan->n_lines; i++)
        makes |= !plan->line[i].prompt;
    return makes && (o->is_chat || !o->as_ids);
}

void weir_load_plan_calibrate(weir_load_plan *plan, const weir_load_calibration *calibration) {
    assert(calibration->tokens_per_word > 0);
    plan->calibration = *calibration;
}

/* ---- arrivals ----------------------------------------------------------------------------------
 */

/* In (0, 1]: its logarithm is finite. */
static double positive_uniform(uint64_t key, uint64_t i) {
    return 1 - weir_uniform(weir_mix64(key, 0, i));
}

/* Gamma of this shape, at least 1, and scale 1: Marsaglia and Tsang, "A simple method for
 * generating gamma variables" (2000), with normal numbers by Box and Muller. */
static double draw_gamma(double shape, uint64_t key) {
    const double pi = 3.14159265358979323846;
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (uint64_t i = 0;; i += 3) {
        double x =
            sqrt(-2 * log(positive_uniform(key, i))) * cos(2 * pi * positive_uniform(key, i + 1));
        double v = pow(1 + c * x, 3);
        if (v > 0 && log(positive_uniform(key, i + 2)) < x * x / 2 + d - d * v + d * log(v))
            return d * v;
    }
}

double weir_load_plan_gap(const weir_load_plan *plan, uint64_t i) {
    const weir_load_plan_options *o = &plan->options;
    double shape = o->burstiness > 0 ? o->burstiness : 1;
    if (!(o->rate > 0))
        return 0;
    uint64_t key = weir_mix64(o->seed, KEY_GAP, i);
    /* Below 1: Gamma(a) = Gamma(a + 1) U^(1/a), of the same paper. */
    double draw = shape == 1  ? -log(positive_uniform(key, 0))
                  : shape > 1 ? draw_gamma(shape, weir_mix64(key, 1, 0))
                              : draw_gamma(shape + 1, weir_mix64(key, 1, 0)) *
                                    pow(positive_uniform(key, 0), 1 / shape);
    return draw / shape / o->rate;
}

double weir_load_plan_gap_scale(const weir_load_plan *plan, uint64_t n) {
    double sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += weir_load_plan_gap(plan, i);
    return sum > 0 ? (double)n / plan->options.rate / sum : 1;
}

/* ---- prompts -----------------------------------------------------------------------------------
 */

/* Words that are one token, with the space before them, in most vocabularies. */
static const char *const words[] = {
    "the",     "of",    "and",   "to",      "in",     "is",   "that",   "for",    "it",
    "as",      "was",   "with",  "be",      "by",     "on",   "not",    "he",     "his",
    "but",     "at",    "are",   "this",    "have",   "from", "or",     "had",    "an",
    "they",    "which", "one",   "you",     "were",   "her",  "all",    "she",    "there",
    "would",   "their", "we",    "him",     "been",   "has",  "when",   "who",    "will",
    "more",    "no",    "if",    "out",     "so",     "said", "what",   "up",     "its",
    "about",   "into",  "than",  "them",    "can",    "only", "other",  "new",    "some",
    "could",   "time",  "these", "two",     "may",    "then", "do",     "first",  "any",
    "my",      "now",   "such",  "like",    "our",    "over", "man",    "me",     "even",
    "most",    "made",  "after", "also",    "did",    "many", "before", "must",   "through",
    "back",    "years", "where", "much",    "your",   "way",  "well",   "down",   "should",
    "because", "each",  "just",  "those",   "people", "how",  "too",    "little", "state",
    "good",    "very",  "make",  "world",   "still",  "own",  "see",    "men",    "work",
    "long",    "get",   "here",  "between", "both",   "life", "being",  "under",  "never",
    "day",     "same",
};

static void add_words(weir_text_buffer *body, uint64_t key, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        const char *word = words[weir_mix64(key, CHOICE_WORDS, i) % WEIR_COUNT(words)];
        if (i > 0)
            weir_text_buffer_add(body, " ", 1);
        weir_text_buffer_say(body, word);
    }
}

static void add_ids(weir_text_buffer *body, weir_load_range range, uint64_t key, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        weir_text_buffer_format(body, "%s%u", i > 0 ? "," : "",
                                in_range(range, weir_mix64(key, CHOICE_WORDS, i)));
}

/* Of a plain completion: the prefix and what follows, in one. */
static void add_prompt(weir_text_buffer *body, const weir_load_plan_options *o, uint64_t prefix_key,
                       uint64_t key, uint32_t n) {
    const char *between = o->n_prefix > 0 && n > 0 ? (o->as_ids ? "," : " ") : "";
    weir_text_buffer_say(body, o->as_ids ? ",\"prompt\":[" : ",\"prompt\":\"");
    if (o->as_ids) {
        add_ids(body, o->id_range, prefix_key, o->n_prefix);
        weir_text_buffer_say(body, between);
        add_ids(body, o->id_range, key, n);
    } else {
        add_words(body, prefix_key, o->n_prefix);
        weir_text_buffer_say(body, between);
        add_words(body, key, n);
    }
    weir_text_buffer_say(body, o->as_ids ? "]" : "\"");
}

/* Of a chat: the prefix is the system's message, as most applications have it. */
static void add_messages(weir_text_buffer *body, const weir_load_plan_options *o,
                         uint64_t prefix_key, uint64_t key, uint32_t n) {
    weir_text_buffer_say(body, ",\"messages\":[");
    if (o->n_prefix > 0) {
        weir_text_buffer_say(body, "{\"role\":\"system\",\"content\":\"");
        add_words(body, prefix_key, o->n_prefix);
        weir_text_buffer_say(body, "\"},");
    }
    weir_text_buffer_say(body, "{\"role\":\"user\",\"content\":\"");
    add_words(body, key, n);
    weir_text_buffer_say(body, "\"}]");
}

/* So that the server counts so many tokens. */
static uint32_t words_for(const weir_load_plan *plan, uint32_t n_tokens, double n_around) {
    double n = ((double)n_tokens - n_around) / plan->calibration.tokens_per_word;
    return n < 1 ? 1 : n > MOST_TOKENS ? MOST_TOKENS : (uint32_t)lround(n);
}

static void add_made(const weir_load_plan *plan, weir_load_range prompt_tokens, uint64_t key,
                     weir_text_buffer *body, weir_load_request *out) {
    weir_load_plan_options o = plan->options;
    uint32_t n = in_range(prompt_tokens, weir_mix64(key, CHOICE_PROMPT_LENGTH, 0));
    uint64_t group = weir_mix64(key, CHOICE_GROUP, 0) % (o.n_groups > 0 ? o.n_groups : 1);
    uint64_t prefix_key = weir_mix64(o.seed, KEY_PREFIX, group);
    out->n_prompt = (uint64_t)o.n_prefix + n;
    if (o.is_chat || !o.as_ids) {
        n = words_for(plan, n, plan->calibration.n_around);
        o.n_prefix = o.n_prefix > 0 ? words_for(plan, o.n_prefix, 0) : 0;
    }
    if (o.is_chat)
        add_messages(body, &o, prefix_key, key, n);
    else
        add_prompt(body, &o, prefix_key, key, n);
}

/* ---- requests ----------------------------------------------------------------------------------
 */

static const mix_line *choose_line(const weir_load_plan *plan, uint64_t bits) {
    const mix_line *last = &plan->line[plan->n_lines - 1];
    double at = weir_uniform(bits) * last->weight_up_to_it;
    size_t low = 0, high = plan->n_lines - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (plan->line[middle].weight_up_to_it > at)
            high = middle;
        else
            low = middle + 1;
    }
    return &plan->line[low];
}

/* The members of a JSON object, but for those that `other` has too. */
static void add_members(weir_text_buffer *body, const char *object, const char *other) {
    weir_json_member member, same;
    char key[256];
    while (object && weir_json_member_next(&object, &member)) {
        snprintf(key, sizeof key, "%.*s", (int)(member.n_key < 255 ? member.n_key : 255),
                 member.key);
        if (!other || !weir_json_member_find(other, key, &same))
            add_member(body, &member);
    }
}

static void choose_kind(const weir_load_plan_options *o, uint64_t key, weir_load_request *out) {
    enum { LONGEST_WAIT_MS = 500 };
    double at = weir_uniform(weir_mix64(key, CHOICE_KIND, 0));
    uint64_t leaving = weir_mix64(key, CHOICE_LEAVING, 0);
    out->kind = at < o->slow_share                    ? WEIR_LOAD_SLOW
                : at < o->slow_share + o->leave_share ? WEIR_LOAD_LEAVER
                                                      : WEIR_LOAD_PLAIN;
    /* One in four goes while its prompt is read or waits, the others up to the middle. */
    out->leave_after = leaving % 4 == 0 ? 0 : 1 + (leaving >> 2) % (out->n_max_output / 2 + 1);
    out->leave_after_s = 1e-3 * (double)((leaving >> 2) % LONGEST_WAIT_MS);
}

/* Of a line that brings its prompt. A text becomes what --api says. */
static void add_given(const mix_line *line, bool is_chat, weir_text_buffer *body) {
    bool becomes_chat = is_chat && !line->has_messages;
    weir_text_buffer_say(body, becomes_chat ? ",\"messages\":[{\"role\":\"user\",\"content\":"
                               : is_chat    ? ",\"messages\":"
                                            : ",\"prompt\":");
    weir_text_buffer_say(body, line->prompt);
    weir_text_buffer_say(body, becomes_chat ? "}]" : "");
}

/* Everything in front of the prompt. others: of a line; NULL: none. */
static void begin_body(const weir_load_plan_options *o, const char *others, const char *model,
                       uint64_t n_max_output, weir_text_buffer *body) {
    weir_text_buffer_clear(body);
    weir_text_buffer_format(body, "{\"max_tokens\":%llu,\"stream\":true,",
                            (unsigned long long)n_max_output);
    weir_text_buffer_say(body, "\"stream_options\":{\"include_usage\":true}");
    if (model && !names_member(others, "model") && !names_member(o->extra, "model")) {
        weir_text_buffer_say(body, ",\"model\":");
        weir_text_buffer_add_json(body, model, strlen(model));
    }
}

/* Everything behind it. */
static weir_status end_body(const weir_load_plan_options *o, const char *others, bool is_chat,
                            weir_text_buffer *body, weir_load_request *out, weir_error *err) {
    add_members(body, others, NULL);
    add_members(body, o->extra, others);
    weir_text_buffer_say(body, "}");
    out->path = is_chat ? "/v1/chat/completions" : "/v1/completions";
    out->body = body->data;
    out->n_body = body->n;
    return weir_text_buffer_check(body, "a request", err);
}

weir_status weir_load_plan_request(const weir_load_plan *plan, weir_load_phase phase, uint64_t i,
                                   const char *model, weir_text_buffer *body,
                                   weir_load_request *out, weir_error *err) {
    const weir_load_plan_options *o = &plan->options;
    const mix_line no_line = {0};
    uint64_t key = weir_mix64(o->seed, phase == WEIR_LOAD_WARMUP ? KEY_WARMUP : KEY_MEASURED, i);
    const mix_line *line =
        plan->n_lines > 0 ? choose_line(plan, weir_mix64(key, CHOICE_LINE, 0)) : &no_line;
    const char *others = line->others;
    weir_load_range n_prompt = line->prompt_tokens.max > 0 ? line->prompt_tokens : o->prompt_tokens;
    weir_load_range n_output = line->output_tokens.max > 0 ? line->output_tokens : o->output_tokens;
    bool has_ids = line->prompt && !line->has_messages && !line->is_text;
    bool is_chat = line->has_messages || (o->is_chat && !has_ids);
    *out = (weir_load_request){.number = i, .n_prompt = line->n_prompt};
    out->n_max_output = in_range(n_output, weir_mix64(key, CHOICE_OUTPUT_LENGTH, 0));
    begin_body(o, others, model, out->n_max_output, body);
    if (o->ignores_eos && !names_member(others, "ignore_eos") &&
        !names_member(o->extra, "ignore_eos"))
        weir_text_buffer_say(body, ",\"ignore_eos\":true");
    if (o->sends_seed && !names_member(others, "seed") && !names_member(o->extra, "seed"))
        weir_text_buffer_format(body, ",\"seed\":%llu",
                                (unsigned long long)(weir_mix64(key, CHOICE_SEED, 0) >> 33));
    if (line->prompt)
        add_given(line, is_chat, body);
    else
        add_made(plan, n_prompt, key, body, out);
    choose_kind(o, key, out);
    return end_body(o, others, is_chat, body, out, err);
}

weir_status weir_load_plan_probe(const weir_load_plan *plan, uint32_t n_words, const char *model,
                                 weir_text_buffer *body, weir_load_request *out, weir_error *err) {
    weir_load_plan_options o = plan->options;
    const char *others = plan->n_lines > 0 ? plan->line[0].others : NULL;
    uint64_t key = weir_mix64(o.seed, KEY_PROBE, n_words);
    o.n_prefix = 0;
    *out = (weir_load_request){.n_max_output = 1};
    begin_body(&o, others, model, 1, body);
    if (o.is_chat)
        add_messages(body, &o, key, key, n_words);
    else
        add_prompt(body, &o, key, key, n_words);
    return end_body(&o, others, o.is_chat, body, out, err);
}
