/*
 * load_report.h: what a load test has measured, in the definitions of vLLM's `bench serve`
 * (docs/bench_serve.md), and its three forms: a table, JSON, CSV.
 *
 * Owns a row for each request and the gaps between chunks of all of them; everything that is told
 * is computed from these. No socket, no clock.
 */
#ifndef WEIR_TOOLS_LOAD_REPORT_H
#define WEIR_TOOLS_LOAD_REPORT_H

#include "load_client.h"

#include <jansson.h>
#include <stdio.h>

/* What is measured of a request, in seconds. */
typedef enum weir_load_measure {
    WEIR_LOAD_TTFT = 0, /* from its start to the first chunk */
    WEIR_LOAD_TPOT,     /* (E2EL - TTFT) / (tokens of output - 1), of answers of two and more */
    WEIR_LOAD_ITL,      /* from a chunk to the next; of all requests in one series */
    WEIR_LOAD_E2EL,     /* from its start to the last chunk */
    WEIR_LOAD_N_MEASURES
} weir_load_measure;

/* Bounds that a good request keeps; below 0: none. There is none of ITL. */
typedef struct weir_load_goals {
    double most_s[WEIR_LOAD_N_MEASURES];
} weir_load_goals;

/* Without any bound; then goodput is not told. */
void weir_load_goals_clear(weir_load_goals *goals);
/* Adds "ttft:200", "tpot:50,e2el:4000", in milliseconds; BAD_ARGUMENT with `--goodput`. */
weir_status weir_load_goals_parse(weir_load_goals *goals, const char *text, weir_error *err);
bool weir_load_has_goals(const weir_load_goals *goals);

typedef struct weir_load_row {
    uint64_t number;
    weir_load_kind kind;
    weir_load_fault fault;
    bool was_held, has_left, has_usage;
    int http_status;
    double start_s, wait_s, end_s; /* start and end since the beginning; wait since it was due */
    double ttft_s, e2el_s;         /* of those that went well */
    uint64_t n_prompt, n_cached, n_output, n_chunks;
} weir_load_row;

enum { WEIR_LOAD_MOST_FAULTS = 32 };

/* Requests that failed in the same way: same fault, same status. */
typedef struct weir_load_fault_count {
    weir_load_fault fault;
    int http_status;
    uint64_t n;
    char message[WEIR_LOAD_MESSAGE]; /* of the first */
} weir_load_fault_count;

/* Zeros are an empty report. */
typedef struct weir_load_report {
    double begin_s;     /* of the clock, to be set before the first is added */
    weir_load_row *row; /* [n_rows], in the order of their ends, owned */
    size_t n_rows, rows_cap;
    float *gaps_s; /* [n_gaps], owned */
    size_t n_gaps, gaps_cap;
    uint32_t *chunks_in; /* [n_seconds] chunks that came in each second of the run, owned */
    size_t n_seconds;
    weir_load_fault_count fault[WEIR_LOAD_MOST_FAULTS]; /* [n_faults] */
    size_t n_faults;
    bool has_failed; /* without memory: rows are missing */
} weir_load_report;

void weir_load_report_add(weir_load_report *report, const weir_load_result *result);
void weir_load_report_free(weir_load_report *report);

typedef struct weir_load_spread {
    size_t n;
    double mean, median, std, p90, p95, p99, max; /* seconds; 0 without values */
} weir_load_spread;

/* Of values [n], which are sorted for it. Percentiles lie between neighbours by their distance. */
weir_load_spread weir_load_spread_of(double *values, size_t n);

typedef struct weir_load_summary {
    double duration_s;
    /* Every request is in exactly one of these five. */
    uint64_t n_completed, n_failed, n_left, n_slow, n_cut_off;
    uint64_t n_slow_broken;                /* of the slow readers: that did not get their answer */
    uint64_t n_without_usage;              /* of the completed: their chunks count as tokens */
    uint64_t n_prompt, n_cached, n_output; /* tokens of the completed */
    uint64_t n_good, n_peak, n_held;       /* kept the goals; at once; held back by the limit */
    double mean_wait_s, max_wait_s;        /* of all requests, since they were due */
    double requests_per_s, good_per_s, output_per_s, total_per_s, peak_chunks_per_s;
    weir_load_spread of[WEIR_LOAD_N_MEASURES];
} weir_load_summary;

/* NO_MEMORY, also if rows are missing. */
weir_status weir_load_report_sum(weir_load_summary *out, const weir_load_report *report,
                                 double duration_s, const weir_load_goals *goals, weir_error *err);

/* How the load was made, for the reader. */
typedef struct weir_load_setting {
    const char *server, *model, *api; /* model: NULL: none was named */
    uint32_t concurrency;             /* at most */
    double rate, burstiness;          /* rate 0: a closed loop */
    uint64_t seed, n_warmups, n_resent;
    weir_load_goals goals;
} weir_load_setting;

void weir_load_print_table(FILE *to, const weir_load_summary *summary,
                           const weir_load_report *report, const weir_load_setting *setting);
/* Names of vLLM's results where there are such. NULL without memory. */
json_t *weir_load_json(const weir_load_summary *summary, const weir_load_report *report,
                       const weir_load_setting *setting);
/* A line for each request. */
weir_status weir_load_csv(weir_text_buffer *out, const weir_load_report *report, weir_error *err);

#endif
