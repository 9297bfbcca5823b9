/*
 * event_stream.c: see event_stream.h.
 *
 * Invariant: a job whose client has left is cancelled once, by whichever of the two comes later:
 * the news that the client has gone, or the job's number.
 */
#include "event_stream.h"

#include "base/clock.h"

/* A short prompt is answered without comments; one that takes longer shows soon that it is read. */
static const double first_sign_s = 0.3, keep_alive_s = 5;

static void on_gone(void *context) {
    weir_event_stream *s = context;
    pthread_mutex_lock(&s->lock);
    bool is_running = s->has_job;
    uint64_t job = s->job;
    s->is_gone = true;
    pthread_mutex_unlock(&s->lock);
    /* Outside the lock: the runner has locks of its own. A job that has ended is unknown to it. */
    if (is_running)
        weir_runner_cancel(s->runner, job);
}

void weir_event_stream_open(weir_event_stream *s, weir_exchange *x, weir_runner *runner) {
    *s = (weir_event_stream){.x = x, .runner = runner, .n_owners = 2, .sent_s = weir_clock_s()};
    pthread_mutex_init(&s->lock, NULL);
    weir_exchange_on_gone(x, on_gone, s);
}

void weir_event_stream_submitted(weir_event_stream *s, uint64_t job) {
    pthread_mutex_lock(&s->lock);
    s->job = job;
    s->has_job = true;
    bool is_gone = s->is_gone;
    pthread_mutex_unlock(&s->lock);
    if (is_gone)
        weir_runner_cancel(s->runner, job);
}

bool weir_event_stream_release(weir_event_stream *s) {
    pthread_mutex_lock(&s->lock);
    bool is_last = --s->n_owners == 0;
    pthread_mutex_unlock(&s->lock);
    return is_last;
}

void weir_event_stream_close(weir_event_stream *s) {
    weir_text_buffer_free(&s->frame);
    pthread_mutex_destroy(&s->lock);
}

/* Half an event would be taken for a whole one: without memory it is left out, and the error that
 * ends the stream says so. */
static void send_frame(weir_event_stream *s) {
    if (!s->has_begun) {
        s->has_begun = true;
        weir_exchange_begin(s->x, 200, "text/event-stream");
    }
    s->sent_s = weir_clock_s();
    if (!s->frame.has_failed)
        weir_exchange_write(s->x, s->frame.data, s->frame.n);
}

void weir_event_stream_send(weir_event_stream *s, const char *name, const char *data, size_t n) {
    weir_text_buffer_clear(&s->frame);
    if (name)
        weir_text_buffer_format(&s->frame, "event: %s\n", name);
    weir_text_buffer_say(&s->frame, "data: ");
    weir_text_buffer_add(&s->frame, data, n);
    weir_text_buffer_say(&s->frame, "\n\n");
    send_frame(s);
}

bool weir_event_stream_is_silent(const weir_event_stream *s) {
    return weir_clock_s() - s->sent_s >= (s->has_begun ? keep_alive_s : first_sign_s);
}

void weir_event_stream_keep_alive(weir_event_stream *s) {
    if (!weir_event_stream_is_silent(s))
        return;
    weir_text_buffer_clear(&s->frame);
    weir_text_buffer_say(&s->frame, ": keep-alive\n\n");
    send_frame(s);
}

void weir_event_stream_end(weir_event_stream *s) {
    weir_exchange_end(s->x);
}
