/*
 * load_show.c: the forms of a load test's results, declared in load_report.h. Computes nothing that
 * is not in the summary.
 */
#include "base/error.h"
#include "console.h"
#include "json_text.h"
#include "load_report.h"

#include <string.h>

static const char *const kind_names[WEIR_LOAD_N_KINDS] = {"plain", "slow", "leaver"};

static unsigned long long whole(uint64_t n) {
    return (unsigned long long)n;
}

/* ---- a table -----------------------------------------------------------------------------------
 */

static void print_setting(FILE *to, const weir_load_summary *s, const weir_load_setting *how) {
    fputs(how->api, to);
    fputs(" at ", to);
    weir_print_text(to, how->server, strlen(how->server));
    if (how->model) {
        fputs(", model ", to);
        weir_print_text(to, how->model, strlen(how->model));
    }
    fputc('\n', to);
    if (how->rate > 0)
        fprintf(to, "open loop, %g requests/s, burstiness %g", how->rate, how->burstiness);
    else
        fprintf(to, "closed loop");
    fprintf(to, ", %u at once at most; seed %llu, %.2f s\n\n", how->concurrency, whole(how->seed),
            s->duration_s);
}

static void print_times(FILE *to, const weir_load_summary *s) {
    static const char *const names[WEIR_LOAD_N_MEASURES] = {
        "time to first token", "time per output token", "between chunks", "whole answer"};
    fprintf(to, "%-26s%9s%10s%10s%10s%10s%10s\n", "ms", "mean", "median", "p90", "p95", "p99",
            "max");
    for (size_t i = 0; i < WEIR_LOAD_N_MEASURES; i++) {
        const weir_load_spread *of = &s->of[i];
        if (of->n == 0)
            fprintf(to, "%-26s%9s\n", names[i], "-");
        else
            fprintf(to, "%-26s%9.2f%10.2f%10.2f%10.2f%10.2f%10.2f\n", names[i], 1e3 * of->mean,
                    1e3 * of->median, 1e3 * of->p90, 1e3 * of->p95, 1e3 * of->p99, 1e3 * of->max);
    }
    fputc('\n', to);
}

static void print_rates(FILE *to, const weir_load_summary *s, const weir_load_setting *how) {
    fprintf(to, "%-26s%9.2f\n", "requests/s", s->requests_per_s);
    if (weir_load_has_goals(&how->goals))
        fprintf(to, "%-26s%9.2f   %llu of %llu kept the bounds\n", "good requests/s", s->good_per_s,
                whole(s->n_good), whole(s->n_completed));
    fprintf(to, "%-26s%9.1f   best second %.0f\n", "output tokens/s", s->output_per_s,
            s->peak_chunks_per_s);
    fprintf(to, "%-26s%9.1f\n\n", "all tokens/s", s->total_per_s);
}

static void print_counts(FILE *to, const weir_load_summary *s, const weir_load_setting *how) {
    fprintf(to, "%-26s%9llu\n", "completed", whole(s->n_completed));
    fprintf(to, "%-26s%9llu\n", "failed", whole(s->n_failed));
    if (s->n_left > 0)
        fprintf(to, "%-26s%9llu\n", "left by the client", whole(s->n_left));
    if (s->n_slow > 0)
        fprintf(to, "%-26s%9llu   %llu without the whole answer\n", "slow readers",
                whole(s->n_slow), whole(s->n_slow_broken));
    if (s->n_cut_off > 0)
        fprintf(to, "%-26s%9llu\n", "cut off by Ctrl-C", whole(s->n_cut_off));
    if (how->n_resent > 0)
        fprintf(to, "%-26s%9llu\n", "sent once more", whole(how->n_resent));
    fprintf(to, "%-26s%9llu\n", "at once, at most", whole(s->n_peak));
    if (s->n_held > 0 && how->rate > 0)
        fprintf(to, "%-26s%9llu   mean %.2f ms, max %.2f ms\n", "held back by the limit",
                whole(s->n_held), 1e3 * s->mean_wait_s, 1e3 * s->max_wait_s);
    fprintf(to, "%-26s%9llu", "prompt tokens", whole(s->n_prompt));
    if (s->n_cached > 0 && s->n_prompt > 0)
        fprintf(to, "   %llu cached, %.1f %%", whole(s->n_cached),
                100 * (double)s->n_cached / (double)s->n_prompt);
    fprintf(to, "\n%-26s%9llu\n", "output tokens", whole(s->n_output));
    if (s->n_without_usage > 0)
        fprintf(to, "%llu answers came without usage: their chunks are counted as tokens\n",
                whole(s->n_without_usage));
}

/* A status belongs to what the server said, not to what became of the connection. */
static void print_faults(FILE *to, const weir_load_report *r) {
    for (size_t i = 0; i < r->n_faults; i++) {
        const weir_load_fault_count *f = &r->fault[i];
        char status[16] = "";
        if (f->fault == WEIR_LOAD_HTTP_STATUS)
            snprintf(status, sizeof status, " %d", f->http_status);
        fprintf(to, "%s%llu x %s%s: ", i == 0 ? "\n" : "", whole(f->n),
                weir_load_fault_text(f->fault), status);
        weir_print_text(to, f->message, strlen(f->message));
        fputc('\n', to);
    }
}

void weir_load_print_table(FILE *to, const weir_load_summary *summary,
                           const weir_load_report *report, const weir_load_setting *setting) {
    print_setting(to, summary, setting);
    print_times(to, summary);
    print_rates(to, summary, setting);
    print_counts(to, summary, setting);
    print_faults(to, report);
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

static void set_count(json_t *to, const char *key, uint64_t n) {
    json_object_set_new(to, key, json_integer((json_int_t)n));
}

static void set_real(json_t *to, const char *key, double value) {
    json_object_set_new(to, key, json_real(value));
}

static void set_text(json_t *to, const char *key, const char *text) {
    json_object_set_new(to, key, text ? weir_json_text(text, strlen(text)) : json_null());
}

static void set_spread(json_t *to, const char *name, const weir_load_spread *of) {
    const struct {
        const char *name;
        double value_s;
    } rows[] = {
        {"mean", of->mean}, {"median", of->median}, {"std", of->std}, {"p90", of->p90},
        {"p95", of->p95},   {"p99", of->p99},       {"max", of->max},
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        char key[32];
        snprintf(key, sizeof key, "%s_%s_ms", rows[i].name, name);
        set_real(to, key, 1e3 * rows[i].value_s);
    }
}

static void set_setting(json_t *to, const weir_load_setting *how) {
    set_count(to, "weir_bench_serve", 1);
    set_text(to, "version", weir_version());
    set_text(to, "server", how->server);
    set_text(to, "api", how->api);
    set_text(to, "model_id", how->model);
    json_object_set_new(to, "request_rate",
                        how->rate > 0 ? json_real(how->rate) : json_string("inf"));
    set_real(to, "burstiness", how->burstiness);
    set_count(to, "max_concurrency", how->concurrency);
    set_count(to, "seed", how->seed);
    set_count(to, "num_warmups", how->n_warmups);
    set_count(to, "resent", how->n_resent);
}

static void set_goals(json_t *to, const weir_load_summary *s, const weir_load_goals *goals) {
    static const char *const names[WEIR_LOAD_N_MEASURES] = {"ttft", "tpot", NULL, "e2el"};
    json_t *bounds = json_object();
    for (size_t i = 0; i < WEIR_LOAD_N_MEASURES; i++)
        if (names[i] && goals->most_s[i] >= 0)
            set_real(bounds, names[i], 1e3 * goals->most_s[i]);
    json_object_set_new(to, "goodput_ms", bounds);
    set_count(to, "good", s->n_good);
    set_real(to, "request_goodput", s->good_per_s);
}

static void set_faults(json_t *to, const weir_load_report *r) {
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_faults; i++) {
        const weir_load_fault_count *f = &r->fault[i];
        json_t *one = json_object();
        set_text(one, "kind", weir_load_fault_text(f->fault));
        if (f->http_status > 0)
            set_count(one, "http_status", (uint64_t)f->http_status);
        set_count(one, "count", f->n);
        set_text(one, "first", f->message);
        json_array_append_new(list, one);
    }
    json_object_set_new(to, "errors", list);
}

json_t *weir_load_json(const weir_load_summary *s, const weir_load_report *report,
                       const weir_load_setting *setting) {
    static const char *const names[WEIR_LOAD_N_MEASURES] = {"ttft", "tpot", "itl", "e2el"};
    json_t *out = json_object();
    set_setting(out, setting);
    set_real(out, "duration", s->duration_s);
    set_count(out, "num_prompts", report->n_rows);
    set_count(out, "completed", s->n_completed);
    set_count(out, "failed", s->n_failed);
    set_count(out, "left", s->n_left);
    set_count(out, "slow_readers", s->n_slow);
    set_count(out, "slow_readers_broken", s->n_slow_broken);
    set_count(out, "cut_off", s->n_cut_off);
    set_count(out, "without_usage", s->n_without_usage);
    set_count(out, "total_input_tokens", s->n_prompt);
    set_count(out, "total_cached_tokens", s->n_cached);
    set_count(out, "total_output_tokens", s->n_output);
    set_real(out, "request_throughput", s->requests_per_s);
    set_real(out, "output_throughput", s->output_per_s);
    set_real(out, "total_token_throughput", s->total_per_s);
    set_real(out, "max_output_tokens_per_s", s->peak_chunks_per_s);
    set_count(out, "max_concurrent_requests", s->n_peak);
    set_count(out, "held_back", s->n_held);
    set_real(out, "mean_wait_ms", 1e3 * s->mean_wait_s);
    set_real(out, "max_wait_ms", 1e3 * s->max_wait_s);
    if (weir_load_has_goals(&setting->goals))
        set_goals(out, s, &setting->goals);
    for (size_t i = 0; i < WEIR_LOAD_N_MEASURES; i++)
        set_spread(out, names[i], &s->of[i]);
    set_faults(out, report);
    return out;
}

/* ---- CSV ---------------------------------------------------------------------------------------
 */

weir_status weir_load_csv(weir_text_buffer *out, const weir_load_report *report, weir_error *err) {
    weir_text_buffer_say(out, "number,kind,outcome,http_status,start_s,wait_ms,end_s,ttft_ms,"
                              "e2el_ms,prompt_tokens,cached_tokens,output_tokens,chunks\n");
    for (size_t i = 0; i < report->n_rows; i++) {
        const weir_load_row *row = &report->row[i];
        weir_text_buffer_format(out, "%llu,%s,%s,%d,%.6f,%.3f,%.6f,%.3f,%.3f,%llu,%llu,%llu,%llu\n",
                                whole(row->number), kind_names[row->kind],
                                row->has_left ? "left" : weir_load_fault_text(row->fault),
                                row->http_status, row->start_s, 1e3 * row->wait_s, row->end_s,
                                1e3 * row->ttft_s, 1e3 * row->e2el_s, whole(row->n_prompt),
                                whole(row->n_cached), whole(row->n_output), whole(row->n_chunks));
    }
    return weir_text_buffer_check(out, "the lines of --csv", err);
}
