/*
 * load_report.c: see load_report.h. Rows, and what they come to; load_show.c gives them their
 * forms.
 */
#include "load_report.h"

#include "base/error.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SECONDS = 10 * 24 * 3600 };

/* ---- goals -------------------------------------------------------------------------------------
 */

void weir_load_goals_clear(weir_load_goals *goals) {
    for (size_t i = 0; i < WEIR_LOAD_N_MEASURES; i++)
        goals->most_s[i] = -1;
}

/* "ttft:200" at *at, which moves behind it. */
static bool read_goal(weir_load_goals *goals, const char **at) {
    static const struct {
        const char *name;
        weir_load_measure measure;
    } names[] = {{"ttft:", WEIR_LOAD_TTFT},
                 {"tpot:", WEIR_LOAD_TPOT},
                 {"e2el:", WEIR_LOAD_E2EL},
                 {"e2e:", WEIR_LOAD_E2EL}};
    for (size_t i = 0; i < WEIR_COUNT(names); i++) {
        size_t n = strlen(names[i].name);
        if (strncmp(*at, names[i].name, n) != 0 || !isdigit((unsigned char)(*at)[n]))
            continue;
        char *end;
        double ms = strtod(*at + n, &end);
        *at = end;
        goals->most_s[names[i].measure] = ms / 1000;
        return isfinite(ms);
    }
    return false;
}

weir_status weir_load_goals_parse(weir_load_goals *goals, const char *text, weir_error *err) {
    const char *at = text;
    bool is_good;
    do
        is_good = read_goal(goals, &at);
    while (is_good && (*at == ',' || *at == ' ') && at++);
    return is_good && !*at
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                           "--goodput: expected milliseconds as in ttft:200,tpot:50,e2el:4000, got "
                           "'%s'",
                           text);
}

bool weir_load_has_goals(const weir_load_goals *goals) {
    bool has = false;
    for (size_t i = 0; i < WEIR_LOAD_N_MEASURES; i++)
        has |= goals->most_s[i] >= 0;
    return has;
}

/* ---- rows --------------------------------------------------------------------------------------
 */

/* Did it go as planned, with times that are the server's? */
static bool is_completed(const weir_load_row *row) {
    return row->fault == WEIR_LOAD_FINE && !row->has_left && row->kind != WEIR_LOAD_SLOW;
}

static bool is_failed(const weir_load_row *row) {
    return row->fault != WEIR_LOAD_FINE && row->fault != WEIR_LOAD_CUT_OFF &&
           row->kind != WEIR_LOAD_SLOW;
}

/* Room for n more of `size` bytes behind the n_used of *items. */
static bool make_room(void **items, size_t n_used, size_t *cap, size_t n, size_t size) {
    size_t wanted = *cap ? *cap : 256;
    if (n_used + n <= *cap)
        return true;
    while (wanted < n_used + n)
        wanted *= 2;
    void *longer = realloc(*items, wanted * size);
    if (!longer)
        return false;
    *items = longer;
    *cap = wanted;
    return true;
}

static void add_row(weir_load_report *r, const weir_load_row *row) {
    void *rows = r->row;
    if (!make_room(&rows, r->n_rows, &r->rows_cap, 1, sizeof *r->row)) {
        r->has_failed = true;
        return;
    }
    r->row = rows;
    r->row[r->n_rows++] = *row;
}

static void add_gaps(weir_load_report *r, const weir_load_reply *reply) {
    void *gaps = r->gaps_s;
    if (reply->n_gaps == 0)
        return;
    if (!make_room(&gaps, r->n_gaps, &r->gaps_cap, reply->n_gaps, sizeof *r->gaps_s)) {
        r->has_failed = true;
        return;
    }
    r->gaps_s = gaps;
    memcpy(r->gaps_s + r->n_gaps, reply->gaps_s, reply->n_gaps * sizeof *r->gaps_s);
    r->n_gaps += reply->n_gaps;
}

/* A chunk that came so long after the beginning. */
static void count_chunk(weir_load_report *r, double at_s) {
    size_t second = at_s > 0 ? (size_t)at_s : 0;
    if (second >= MOST_SECONDS)
        return;
    if (second >= r->n_seconds) {
        size_t n = second + 64;
        uint32_t *longer = realloc(r->chunks_in, n * sizeof *longer);
        if (!longer) {
            r->has_failed = true;
            return;
        }
        memset(longer + r->n_seconds, 0, (n - r->n_seconds) * sizeof *longer);
        r->chunks_in = longer;
        r->n_seconds = n;
    }
    r->chunks_in[second]++;
}

static void count_chunks(weir_load_report *r, const weir_load_reply *reply) {
    double at_s = reply->first_s - r->begin_s;
    count_chunk(r, at_s);
    for (size_t i = 0; i < reply->n_gaps; i++) {
        at_s += (double)reply->gaps_s[i];
        count_chunk(r, at_s);
    }
}

static void count_fault(weir_load_report *r, const weir_load_reply *reply) {
    size_t at = 0;
    while (at < r->n_faults &&
           (r->fault[at].fault != reply->fault || r->fault[at].http_status != reply->http_status))
        at++;
    if (at == WEIR_LOAD_MOST_FAULTS) /* more kinds than anyone reads: with the last */
        at--;
    weir_load_fault_count *count = &r->fault[at];
    if (at == r->n_faults) {
        r->n_faults++;
        *count = (weir_load_fault_count){.fault = reply->fault, .http_status = reply->http_status};
        memcpy(count->message, reply->message, sizeof count->message);
    }
    count->n++;
}

void weir_load_report_add(weir_load_report *r, const weir_load_result *result) {
    const weir_load_reply *reply = result->reply;
    weir_load_row row = {.number = result->request->number,
                         .kind = result->request->kind,
                         .fault = result->has_left ? WEIR_LOAD_FINE : reply->fault,
                         .was_held = result->was_held,
                         .has_left = result->has_left,
                         .has_usage = reply->has_usage,
                         .http_status = reply->http_status,
                         .start_s = result->start_s - r->begin_s,
                         .wait_s = result->start_s - result->due_s,
                         .end_s = result->end_s - r->begin_s,
                         .n_prompt = reply->has_usage ? reply->n_prompt : result->request->n_prompt,
                         .n_cached = reply->n_cached,
                         .n_output = reply->has_usage ? reply->n_output : reply->n_chunks,
                         .n_chunks = reply->n_chunks};
    if (is_completed(&row)) {
        row.ttft_s = reply->first_s - result->start_s;
        row.e2el_s = reply->last_s - result->start_s;
        add_gaps(r, reply);
        count_chunks(r, reply);
    } else if (row.fault != WEIR_LOAD_FINE && row.fault != WEIR_LOAD_CUT_OFF) {
        count_fault(r, reply);
    }
    add_row(r, &row);
}

void weir_load_report_free(weir_load_report *r) {
    free(r->row);
    free(r->gaps_s);
    free(r->chunks_in);
    *r = (weir_load_report){0};
}

/* ---- sums --------------------------------------------------------------------------------------
 */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *sorted, size_t n, double part) {
    double at = part * (double)(n - 1);
    size_t low = (size_t)at;
    if (low + 1 >= n)
        return sorted[n - 1];
    return sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]);
}

weir_load_spread weir_load_spread_of(double *values, size_t n) {
    weir_load_spread out = {.n = n};
    double sum = 0, squares = 0;
    if (n == 0)
        return out;
    qsort(values, n, sizeof *values, by_value);
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    out.mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (values[i] - out.mean) * (values[i] - out.mean);
    out.std = sqrt(squares / (double)n);
    out.median = percentile(values, n, 0.5);
    out.p90 = percentile(values, n, 0.9);
    out.p95 = percentile(values, n, 0.95);
    out.p99 = percentile(values, n, 0.99);
    out.max = values[n - 1];
    return out;
}

/* false: an answer of one token has none. */
static bool measure_of(double *out, const weir_load_row *row, weir_load_measure measure) {
    assert(measure != WEIR_LOAD_ITL);
    *out = measure == WEIR_LOAD_TTFT ? row->ttft_s : row->e2el_s;
    if (measure != WEIR_LOAD_TPOT)
        return true;
    *out = row->n_output > 1 ? (row->e2el_s - row->ttft_s) / (double)(row->n_output - 1) : 0;
    return row->n_output > 1;
}

static bool keeps_goals(const weir_load_row *row, const weir_load_goals *goals) {
    for (weir_load_measure m = WEIR_LOAD_TTFT; m < WEIR_LOAD_N_MEASURES; m++) {
        double value;
        if (m == WEIR_LOAD_ITL || goals->most_s[m] < 0)
            continue;
        measure_of(&value, row, m);
        if (value > goals->most_s[m])
            return false;
    }
    return weir_load_has_goals(goals);
}

static void sum_rows(weir_load_summary *out, const weir_load_report *r,
                     const weir_load_goals *goals) {
    double waits_s = 0;
    for (size_t i = 0; i < r->n_rows; i++) {
        const weir_load_row *row = &r->row[i];
        out->n_held += row->was_held;
        out->max_wait_s = fmax(out->max_wait_s, row->wait_s);
        waits_s += row->wait_s;
        out->n_failed += is_failed(row);
        out->n_cut_off += row->fault == WEIR_LOAD_CUT_OFF;
        out->n_left += row->has_left;
        if (row->kind == WEIR_LOAD_SLOW && row->fault != WEIR_LOAD_CUT_OFF) {
            out->n_slow++;
            out->n_slow_broken += row->fault != WEIR_LOAD_FINE;
        }
        if (!is_completed(row))
            continue;
        out->n_completed++;
        out->n_without_usage += !row->has_usage;
        out->n_prompt += row->n_prompt;
        out->n_cached += row->n_cached;
        out->n_output += row->n_output;
        out->n_good += keeps_goals(row, goals);
    }
    out->mean_wait_s = r->n_rows > 0 ? waits_s / (double)r->n_rows : 0;
}

/* Most requests under way at a time: at the beginning of one of them. Ends come before beginnings
 * of the same moment. times [2 n_rows] is room for it. */
static uint64_t peak_of(const weir_load_report *r, double *times) {
    double *starts = times, *ends = times + r->n_rows;
    uint64_t n_peak = 0;
    size_t n_ended = 0;
    for (size_t i = 0; i < r->n_rows; i++) {
        starts[i] = r->row[i].start_s;
        ends[i] = r->row[i].end_s;
    }
    qsort(starts, r->n_rows, sizeof *starts, by_value);
    qsort(ends, r->n_rows, sizeof *ends, by_value);
    for (size_t i = 0; i < r->n_rows; i++) {
        while (n_ended < i && ends[n_ended] <= starts[i])
            n_ended++;
        n_peak = i + 1 - n_ended > n_peak ? i + 1 - n_ended : n_peak;
    }
    return n_peak;
}

static weir_load_spread spread_of_measure(const weir_load_report *r, weir_load_measure measure,
                                          double *values) {
    size_t n = 0;
    if (measure == WEIR_LOAD_ITL)
        for (; n < r->n_gaps; n++)
            values[n] = (double)r->gaps_s[n];
    else
        for (size_t i = 0; i < r->n_rows; i++)
            if (is_completed(&r->row[i]) && measure_of(&values[n], &r->row[i], measure))
                n++;
    return weir_load_spread_of(values, n);
}

weir_status weir_load_report_sum(weir_load_summary *out, const weir_load_report *r,
                                 double duration_s, const weir_load_goals *goals, weir_error *err) {
    size_t n_most = 2 * r->n_rows > r->n_gaps ? 2 * r->n_rows : r->n_gaps;
    double *values = r->has_failed ? NULL : malloc((n_most + 1) * sizeof *values);
    *out = (weir_load_summary){.duration_s = duration_s};
    if (!values)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the times of %zu requests",
                         r->n_rows);
    sum_rows(out, r, goals);
    out->n_peak = peak_of(r, values);
    for (weir_load_measure m = WEIR_LOAD_TTFT; m < WEIR_LOAD_N_MEASURES; m++)
        out->of[m] = spread_of_measure(r, m, values);
    free(values);
    for (size_t i = 0; i < r->n_seconds; i++)
        out->peak_chunks_per_s = fmax(out->peak_chunks_per_s, r->chunks_in[i]);
    if (duration_s > 0) {
        out->requests_per_s = (double)out->n_completed / duration_s;
        out->good_per_s = (double)out->n_good / duration_s;
        out->output_per_s = (double)out->n_output / duration_s;
        out->total_per_s = (double)(out->n_prompt + out->n_output) / duration_s;
    }
    return WEIR_STATUS_OK;
}
