/*
 * plan_show.c: `weir plan` for the eye and as JSON.
 *
 * Owns layout and the names of keys, which only ever grow. Settings that fit are told as the
 * command that has them.
 */
#include "plan_show.h"

#include "base/error.h"
#include "console.h"
#include "json_text.h"
#include "text_buffer.h"

#include <inttypes.h>
#include <string.h>

enum { MIB = 1 << 20, MOST_ROWS = WEIR_PLAN_ITEMS + 4 };

/* ---- the items ------------------------------------------------------------------------------ */

typedef struct item {
    const char *what;
    uint64_t bytes;
} item;

/* The engine's items, then those around it; returns how many. */
static size_t list_items(item out[MOST_ROWS], const weir_plan_whole *whole) {
    size_t n = 0;
    for (; n < whole->engine.n_items; n++)
        out[n] = (item){whole->engine.item[n].what, whole->engine.item[n].bytes};
    const item around[] = {
        {"samplers", whole->samplers_bytes},
        {"index of drafts", whole->drafts_bytes},
        {"program", whole->program_bytes},
        {"ends of pages", whole->page_ends_bytes},
    };
    for (size_t i = 0; i < WEIR_COUNT(around); i++)
        if (around[i].bytes > 0)
            out[n++] = around[i];
    return n;
}

static const char *kv_type_of(const weir_plan_settings *s) {
    return s->engine.kv_type ? s->engine.kv_type : "f16";
}

static const char *device_of(const weir_plan_settings *s) {
    return s->engine.device ? s->engine.device : "cpu";
}

static const char *verb_of(const weir_plan_settings *s) {
    return s->use == WEIR_PLAN_SERVE ? "serve" : "run";
}

static uint64_t whole_pages(const weir_plan *plan) {
    return (uint64_t)plan->n_seqs * ((plan->n_ctx + 63) / 64);
}

/* ---- settings as a command ------------------------------------------------------------------ */

static void add_flag(weir_text_buffer *out, const char *flag, const char *value,
                     const char *default_value) {
    if (value && strcmp(value, default_value) != 0)
        weir_text_buffer_format(out, " --%s %s", flag, value);
}

/* Without names of files, which may hold anything. */
static void add_flags(weir_text_buffer *out, const weir_plan_report *r,
                      const weir_plan_remedy *remedy) {
    const weir_plan_settings *s = &remedy->settings;
    const weir_plan_whole *whole = &remedy->whole;
    const weir_engine_options *o = &s->engine;
    uint64_t kv_bytes = s->kv_bytes ? s->kv_bytes : weir_plan_item(&whole->engine, "K/V pages");
    weir_text_buffer_format(out, " --ctx %u", whole->engine.n_ctx);
    if (s->use == WEIR_PLAN_SERVE) {
        weir_text_buffer_format(out, " --seqs %u", whole->engine.n_seqs);
        if (s->kv_bytes == 0) /* not less than whole contexts, by rounding */
            kv_bytes += MIB - 1;
        if (s->kv_bytes != WEIR_PLAN_KV_QUARTER && kv_bytes >= MIB)
            weir_text_buffer_format(out, " --kv-memory %" PRIu64 "MiB", kv_bytes / MIB);
        else if (s->kv_bytes != WEIR_PLAN_KV_QUARTER)
            weir_text_buffer_format(out, " --kv-memory %" PRIu64 "KiB", (kv_bytes + 1023) / 1024);
        if (o->n_batch > 0)
            weir_text_buffer_format(out, " --batch %u", o->n_batch);
    }
    if (s->n_lookup == 0)
        weir_text_buffer_say(out, " --lookup off");
    add_flag(out, "kv-type", o->kv_type, "f16");
    add_flag(out, "activations", o->activations, s->has_own_memory ? "" : "q8");
    add_flag(out, "device", o->device, "cpu");
    add_flag(out, "isa", o->isa, "");
    if (r->has_threads)
        weir_text_buffer_format(out, " --threads %u", o->n_threads);
    if (o->no_map)
        weir_text_buffer_say(out, " --no-map");
    if (whole->stream_ram_bytes > 0)
        weir_text_buffer_format(out, " --ram %" PRIu64 "MB", s->ram_bytes / 1000000);
}

/* ---- text ----------------------------------------------------------------------------------- */

static void print_share(const char *what, uint64_t bytes, uint64_t ram) {
    char text[WEIR_AMOUNT_TEXT];
    printf("  %-17s%10s  %15" PRIu64, what, weir_bytes_text(text, bytes), bytes);
    if (ram > 0)
        printf("  %6.2f %%", 100 * (double)bytes / (double)ram);
    putchar('\n');
}

static void print_asked(const weir_plan_report *r) {
    const weir_plan *plan = &r->whole.engine;
    weir_print_text(stdout, r->name, strlen(r->name));
    printf(", %s: weir %s, %u conversation%s of %u tokens, K/V %s, %s, %u thread%s, "
           "%u rows a step\n\n",
           r->info.file_type, verb_of(&r->settings), plan->n_seqs, plan->n_seqs == 1 ? "" : "s",
           plan->n_ctx, kv_type_of(&r->settings), device_of(&r->settings), plan->n_threads,
           plan->n_threads == 1 ? "" : "s", plan->n_batch);
}

static void print_items(const weir_plan_report *r) {
    item items[MOST_ROWS];
    size_t n = list_items(items, &r->whole);
    uint64_t ram = r->settings.ram_bytes;
    for (size_t i = 0; i < n; i++)
        print_share(items[i].what, items[i].bytes, ram);
    print_share("total", r->whole.total_bytes, ram);
    const weir_plan *plan = &r->whole.engine;
    if (plan->n_pages < whole_pages(plan))
        printf("  The %u K/V pages hold %" PRIu64 " tokens of all conversations together; all "
               "whole: %" PRIu64 " pages.\n",
               plan->n_pages, (uint64_t)plan->n_pages * 64, whole_pages(plan));
}

static void print_verdict(const weir_plan_report *r) {
    char ram[WEIR_AMOUNT_TEXT], gap[WEIR_AMOUNT_TEXT];
    uint64_t total = r->whole.total_bytes, has = r->settings.ram_bytes;
    printf("\nOf %s of RAM ", weir_bytes_text(ram, has));
    if (r->fits)
        printf("%s are left: it fits.\n", weir_bytes_text(gap, has - total));
    else
        printf("%s are missing: it does not fit.\n", weir_bytes_text(gap, total - has));
}

static void print_speed(const weir_plan_report *r) {
    const weir_stream_speed *s = &r->speed;
    const weir_plan *plan = &r->whole.engine;
    char cache[WEIR_AMOUNT_TEXT], all[WEIR_AMOUNT_TEXT], token[WEIR_AMOUNT_TEXT];
    if (s->all_bytes == 0)
        return;
    printf("\nExperts are read from the disk when they are needed (--ram): %s of "
           "%s of them stay\n"
           "in memory, %u matrices. A token reads %s, if all are equally likely; "
           "the disk gives\n"
           "%.2f GB/s now: about %.1f tokens/s for one conversation, once the "
           "cache is full.\n",
           weir_bytes_text(cache, weir_plan_item(plan, "experts, cached")),
           weir_bytes_text(all, plan->streamed_bytes), plan->n_expert_slots,
           weir_bytes_text(token, (uint64_t)s->token_read_bytes), s->disk_bytes_per_s / 1e9,
           s->tokens_per_s);
}

static void print_count(uint32_t n) {
    if (n > 0)
        printf("  %26u", n);
    else
        printf("  %26s", "none");
}

static void print_limits(const weir_plan_report *r) {
    const weir_plan *plan = &r->whole.engine;
    bool is_serve = r->settings.use == WEIR_PLAN_SERVE;
    char head[48];
    snprintf(head, sizeof head, "longest context for %u", plan->n_seqs);
    printf("\nThe most that fits, all conversations whole at once\n  %-5s  %26s", "K/V",
           is_serve ? head : "longest context");
    snprintf(head, sizeof head, "conversations of %u", plan->n_ctx);
    if (is_serve)
        printf("  %26s", head);
    putchar('\n');
    for (size_t i = 0; i < WEIR_PLAN_KV_TYPES; i++) {
        const weir_plan_limit *limit = &r->limit[i];
        printf("  %-5s", limit->kv_type);
        if (!limit->is_possible) {
            printf("  not with heads of %u\n", r->info.head_dim);
            continue;
        }
        print_count(limit->context);
        if (is_serve)
            print_count(limit->n_seqs);
        putchar('\n');
    }
}

static void print_remedy(const weir_plan_report *r, const weir_plan_remedy *remedy) {
    char bytes[WEIR_AMOUNT_TEXT];
    weir_text_buffer flags = {0};
    add_flags(&flags, r, remedy);
    printf("  %s, %s:\n    weir %s ", remedy->what,
           weir_bytes_text(bytes, remedy->whole.total_bytes), verb_of(&remedy->settings));
    weir_print_text(stdout, r->name, strlen(r->name));
    fwrite(flags.data, 1, flags.n, stdout);
    weir_text_buffer_free(&flags);
    for (size_t i = 0; i < r->loras->n; i++) {
        printf(" --lora ");
        weir_print_text(stdout, r->loras->item[i], strlen(r->loras->item[i]));
    }
    putchar('\n');
}

static void print_mix(const weir_plan_report *r, const weir_plan_mix *mix) {
    char bytes[WEIR_AMOUNT_TEXT];
    weir_text_buffer flags = {0};
    if (r->mixes_need_least)
        add_flags(&flags, r, &r->least);
    printf("  the model in %s%s, about %s", mix->name,
           r->is_quantized ? ", made from its unquantized form" : "",
           weir_bytes_text(bytes, mix->total_bytes));
    if (flags.n > 0) {
        printf(", with");
        fwrite(flags.data, 1, flags.n, stdout);
    }
    putchar('\n');
    weir_text_buffer_free(&flags);
}

static void print_remedies(const weir_plan_report *r) {
    char bytes[WEIR_AMOUNT_TEXT];
    if (r->fits)
        return;
    printf("\nWhat would fit\n");
    for (size_t i = 0; i < r->n_remedies; i++)
        print_remedy(r, &r->remedy[i]);
    for (size_t i = 0; i < r->n_mixes; i++)
        print_mix(r, &r->mix[i]);
    if (r->n_remedies + r->n_mixes == 0)
        printf("  nothing: a smaller model is needed\n");
    uint64_t mapped = weir_plan_item(&r->whole.engine, "weights, mapped");
    if (mapped > 0 && r->whole.total_bytes - mapped <= r->settings.ram_bytes)
        printf("  With --max-memory %" PRIu64 "MiB it runs all the same, but reads weights from "
               "the disk again and\n  again: %s are mapped, and the system drops what does not "
               "fit.\n",
               r->whole.total_bytes / MIB + 1, weir_bytes_text(bytes, mapped));
}

void weir_plan_as_text(const weir_plan_report *report) {
    print_asked(report);
    print_items(report);
    print_verdict(report);
    print_speed(report);
    print_limits(report);
    print_remedies(report);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static json_t *number(uint64_t value) {
    return json_integer((json_int_t)value);
}

static json_t *items_json(const weir_plan_whole *whole) {
    item items[MOST_ROWS];
    json_t *array = json_array();
    size_t n = list_items(items, whole);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            array, json_pack("{s:s, s:o}", "what", items[i].what, "bytes", number(items[i].bytes)));
    return array;
}

static json_t *settings_json(const weir_plan_settings *s, const weir_plan_whole *whole) {
    const weir_plan *plan = &whole->engine;
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "for", verb_of(s),
                     "device", device_of(s), "kv_type", kv_type_of(s), "activations",
                     plan->activations, "n_ctx", number(plan->n_ctx), "n_conversations",
                     number(plan->n_seqs), "n_pages", number(plan->n_pages), "n_batch",
                     number(plan->n_batch), "n_threads", number(plan->n_threads), "n_snapshots",
                     number(plan->n_snapshots), "n_lookup", number(s->n_lookup));
}

static json_t *limits_json(const weir_plan_report *r) {
    json_t *array = json_array();
    for (size_t i = 0; i < WEIR_PLAN_KV_TYPES; i++) {
        const weir_plan_limit *limit = &r->limit[i];
        json_array_append_new(array, json_pack("{s:s, s:b, s:o, s:o}", "kv_type", limit->kv_type,
                                               "is_possible", limit->is_possible, "n_ctx",
                                               number(limit->context), "n_conversations",
                                               number(limit->n_seqs)));
    }
    return array;
}

/* The command's flags as text; NULL without memory. */
static json_t *flags_json(const weir_plan_report *r, const weir_plan_remedy *remedy) {
    weir_text_buffer flags = {0};
    add_flags(&flags, r, remedy);
    json_t *json = flags.has_failed ? NULL : weir_json_text(flags.data + 1, flags.n - 1);
    weir_text_buffer_free(&flags);
    return json;
}

static json_t *remedies_json(const weir_plan_report *r) {
    json_t *array = json_array();
    for (size_t i = 0; i < r->n_remedies; i++) {
        const weir_plan_remedy *remedy = &r->remedy[i];
        json_array_append_new(array, json_pack("{s:s, s:o, s:o, s:o}", "what", remedy->what,
                                               "flags", flags_json(r, remedy), "settings",
                                               settings_json(&remedy->settings, &remedy->whole),
                                               "total_bytes", number(remedy->whole.total_bytes)));
    }
    return array;
}

static json_t *mixes_json(const weir_plan_report *r) {
    json_t *array = json_array();
    for (size_t i = 0; i < r->n_mixes; i++)
        json_array_append_new(
            array, json_pack("{s:s, s:o, s:o}", "type", r->mix[i].name, "flags",
                             r->mixes_need_least ? flags_json(r, &r->least) : json_string(""),
                             "about_bytes", number(r->mix[i].total_bytes)));
    return array;
}

/* null: all weights are in memory. */
static json_t *streamed_json(const weir_plan_report *r) {
    const weir_plan *plan = &r->whole.engine;
    const weir_stream_speed *s = &r->speed;
    if (s->all_bytes == 0)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:f, s:f}", "bytes", number(plan->streamed_bytes),
                     "cache_bytes", number(weir_plan_item(plan, "experts, cached")), "n_slots",
                     number(plan->n_expert_slots), "token_bytes",
                     number((uint64_t)s->token_read_bytes), "disk_bytes_per_s", s->disk_bytes_per_s,
                     "tokens_per_s", s->tokens_per_s);
}

weir_status weir_plan_as_json(const weir_plan_report *r, weir_error *err) {
    const weir_plan *plan = &r->whole.engine;
    return weir_json_print(
        json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "model",
                  weir_json_text(r->name, strlen(r->name)), "file_type", r->info.file_type,
                  "settings", settings_json(&r->settings, &r->whole), "items",
                  items_json(&r->whole), "weight_bytes", number(plan->weight_bytes), "engine_bytes",
                  number(plan->engine_bytes), "total_bytes", number(r->whole.total_bytes),
                  "ram_bytes", number(r->settings.ram_bytes), "fits", r->fits, "limits",
                  limits_json(r), "would_fit", remedies_json(r), "mixes", mixes_json(r), "streamed",
                  streamed_json(r)),
        err);
}
