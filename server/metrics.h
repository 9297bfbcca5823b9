/*
 * metrics.h: counters and histograms of the server, as Prometheus reads them. Any thread.
 */
#ifndef WEIR_SERVER_METRICS_H
#define WEIR_SERVER_METRICS_H

#include "job.h"
#include "record_store.h"
#include "runner.h"
#include "text_buffer.h"

typedef struct weir_metrics weir_metrics;

weir_metrics *weir_metrics_open(void); /* NULL without memory */
void weir_metrics_close(weir_metrics **metrics);

/* A request ended with this HTTP status, on this route ("/v1/chat/completions"). */
void weir_metrics_request(weir_metrics *metrics, const char *route, int http_status,
                          double seconds);
/* A job ended. */
void weir_metrics_job(weir_metrics *metrics, weir_status status, const weir_job_times *times);
/* Between two tokens of an answer. */
void weir_metrics_gap(weir_metrics *metrics, double seconds);

/* The whole page (text format 0.0.4): own names weir_*, and vLLM's names for the same numbers
 * too. */
void weir_metrics_print(weir_metrics *metrics, const weir_runner_stats *runner,
                        const weir_records_stats *records, const char *model_id,
                        weir_text_buffer *out);

#endif
