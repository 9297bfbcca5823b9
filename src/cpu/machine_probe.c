/*
 * machine_probe.c: measures what the machine can do: reading, arithmetic, waiting for each other.
 *
 * Owns the order and the clock; the loops are the units'. Everything is measured a little in each
 * of several rounds, and the best counts: on a machine that others use too, only the fastest moment
 * tells what the machine is, and no measurement has all the bad luck. Shares of the buffer are
 * written first by the thread that reads them, where there is memory for each processor.
 */
#include "cpu/machine_probe.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/half.h"
#include "base/random.h"
#include "base/topology.h"
#include "base/workers.h"
#include "cpu/kernels.h"
#include "cpu/train_kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LEAST_BUFFER_BYTES = 1 << 20 };
static const uint64_t usual_buffer_bytes = 256u << 20;
static const double usual_seconds = 2.5;

typedef struct probe {
    weir_machine *machine;
    weir_workers *team;
    const weir_probe_loops *reader; /* the best of the units that may be used */
    const weir_probe_arithmetic *rows[WEIR_MACHINE_PEAKS]; /* those of machine->peak */
    weir_probe_numbers numbers;
    uint8_t *buffer; /* [buffer_bytes] */
    double until_s;  /* the rounds end then */
    double slice_s;  /* one measurement should last as long */
    /* the measurement that runs */
    uint32_t n_workers; /* of the team, that take part */
    uint32_t n_streams;
    size_t n_repeats;
    const weir_probe_arithmetic *arithmetic;
    double measured_s;
    double sink[WEIR_MAX_CPUS]; /* so that nothing is computed in vain */
} probe;

/* ---- one measurement --------------------------------------------------------------------------
 */

/* Lines at each place that a worker reads at. Places a power of two apart would fall into the same
 * few sets of the caches, so they are moved by nine lines. */
static size_t stream_lines(const probe *p, uint32_t n_workers, uint32_t n_streams) {
    size_t n = p->machine->buffer_bytes / WEIR_PROBE_LINE_BYTES / n_workers / n_streams;
    return n > 64 && n % 64 == 0 ? n - 9 : n;
}

static void read_share(probe *p, uint32_t worker) {
    size_t share = p->machine->buffer_bytes / p->n_workers;
    const uint8_t *data =
        p->buffer + worker * (share / WEIR_PROBE_LINE_BYTES * WEIR_PROBE_LINE_BYTES);
    size_t n_lines = stream_lines(p, p->n_workers, p->n_streams);
    uint64_t sum = 0;
    for (size_t i = 0; i < p->n_repeats; i++)
        sum += p->reader->read(data, n_lines, p->n_streams);
    p->sink[worker] += (double)(sum & 1);
}

/* All wait for each other before the clock is read and after, so that waking up is not measured. */
static void measure_in_region(void *context, uint32_t worker, uint32_t n_workers) {
    probe *p = context;
    (void)n_workers;
    weir_workers_barrier(p->team, worker);
    double start_s = weir_clock_s();
    if (worker < p->n_workers && p->arithmetic)
        p->sink[worker] += p->arithmetic->run(&p->numbers, p->n_repeats);
    else if (worker < p->n_workers)
        read_share(p, worker);
    weir_workers_barrier(p->team, worker);
    if (worker == 0)
        p->measured_s = weir_clock_s() - start_s;
}

/* Repeats of something that takes `once_s`, for one slice. */
static size_t repeats_for(const probe *p, double once_s) {
    double n = once_s > 0 ? ceil(p->slice_s / once_s) : 1;
    return n < 1 ? 1 : n > 1e9 ? (size_t)1e9 : (size_t)n;
}

static void measure_reading(probe *p, size_t team, size_t column) {
    weir_machine *m = p->machine;
    double *best = &m->read_bytes_per_s[team][column];
    p->arithmetic = NULL;
    p->n_workers = m->team[team];
    p->n_streams = m->streams[column];
    double bytes = (double)stream_lines(p, p->n_workers, p->n_streams) * WEIR_PROBE_LINE_BYTES *
                   p->n_streams * p->n_workers;
    p->n_repeats = *best > 0 ? repeats_for(p, bytes / *best) : 1;
    weir_workers_run(p->team, measure_in_region, p);
    double rate = bytes * (double)p->n_repeats / p->measured_s;
    *best = rate > *best ? rate : *best;
}

static void measure_arithmetic(probe *p, size_t team, size_t row) {
    enum { FIRST_REPEATS = 10000 }; /* tells little but how many there should be */
    double *best = &p->machine->peak[row].macs_per_s[team];
    bool is_first = *best <= 0;
    p->arithmetic = p->rows[row];
    p->n_workers = p->machine->team[team];
    double macs = p->arithmetic->macs_per_round * p->n_workers;
    for (int i = is_first ? 0 : 1; i < 2; i++) {
        p->n_repeats = i == 0 ? FIRST_REPEATS : repeats_for(p, macs / *best);
        weir_workers_run(p->team, measure_in_region, p);
        double rate = macs * (double)p->n_repeats / p->measured_s;
        *best = rate > *best ? rate : *best;
    }
}

/* ---- all of them ------------------------------------------------------------------------------
 */

/* The first round also finds out how often each thing is to be repeated. */
static bool is_over(const probe *p, int round) {
    return round > 0 && weir_clock_s() >= p->until_s;
}

static void run_rounds(probe *p, bool only_reading) {
    weir_machine *m = p->machine;
    size_t first = only_reading ? m->n_teams - 1 : 0;
    for (int round = 0; !is_over(p, round); round++)
        for (size_t team = first; team < m->n_teams; team++) {
            for (size_t i = 0; i < WEIR_MACHINE_STREAMS && !is_over(p, round); i++)
                measure_reading(p, team, i);
            for (size_t row = 0; row < m->n_peaks && !is_over(p, round); row++)
                measure_arithmetic(p, team, row);
        }
}

static void many_barriers(void *context, uint32_t worker, uint32_t n_workers) {
    probe *p = context;
    (void)n_workers;
    weir_workers_barrier(p->team, worker);
    double start_s = weir_clock_s();
    for (size_t i = 0; i < p->n_repeats; i++)
        weir_workers_barrier(p->team, worker);
    if (worker == 0)
        p->measured_s = (weir_clock_s() - start_s) / (double)p->n_repeats;
}

static void no_work(void *context, uint32_t worker, uint32_t n_workers) {
    (void)context;
    (void)worker;
    (void)n_workers;
}

/* Waiting is measured by teams of just that size. A machine that is busy makes a barrier last as
 * long as a time slice, so there is an end to it. */
static weir_status measure_waiting(probe *p, size_t team, weir_error *err) {
    enum { AT_ONCE = 16, MOST = 64 };
    const double most_s = 0.02;
    weir_machine *m = p->machine;
    WEIR_TRY(weir_workers_open(&p->team, m->team[team], true, err));
    p->n_repeats = AT_ONCE;
    double *region_s = &m->region_s[team], *barrier_s = &m->barrier_s[team];
    double begin_s = weir_clock_s(), now_s = begin_s;
    for (int i = 0; i < MOST && now_s - begin_s < most_s; i++) {
        double start_s = weir_clock_s();
        for (int k = 0; k < AT_ONCE; k++)
            weir_workers_run(p->team, no_work, p);
        double each_s = (weir_clock_s() - start_s) / AT_ONCE;
        *region_s = i == 0 || each_s < *region_s ? each_s : *region_s;
        weir_workers_run(p->team, many_barriers, p);
        *barrier_s = i == 0 || p->measured_s < *barrier_s ? p->measured_s : *barrier_s;
        now_s = weir_clock_s();
    }
    weir_workers_close(&p->team);
    return WEIR_STATUS_OK;
}

/* ---- getting ready ----------------------------------------------------------------------------
 */

static void fill_numbers(weir_probe_numbers *numbers) {
    for (size_t i = 0; i < WEIR_COUNT(numbers->f32); i++)
        numbers->f32[i] = 0.5f + (float)weir_uniform(weir_mix64(1, 0, i)) / 2;
    for (size_t i = 0; i < WEIR_COUNT(numbers->i16); i++)
        numbers->i16[i] = (int16_t)(weir_mix64(1, 1, i) % 65535 - 32767);
    for (size_t i = 0; i < WEIR_COUNT(numbers->i8); i++)
        numbers->i8[i] = (int8_t)(weir_mix64(1, 2, i) % 255 - 127);
    for (size_t i = 0; i < WEIR_COUNT(numbers->bf16) * WEIR_COUNT(numbers->bf16[0]); i++)
        numbers->bf16[i / WEIR_COUNT(numbers->bf16[0])][i % WEIR_COUNT(numbers->bf16[0])] =
            weir_f32_to_bf16(2 * (float)weir_uniform(weir_mix64(1, 3, i)) - 1);
}

static void fill_buffer(void *context, uint32_t worker, uint32_t n_workers) {
    probe *p = context;
    size_t begin, end;
    weir_share(p->machine->buffer_bytes / sizeof(uint64_t), 512, worker, n_workers, &begin, &end);
    uint64_t *words = (uint64_t *)(void *)p->buffer;
    for (size_t i = begin; i < end; i++)
        words[i] = weir_mix(i);
}

static uint64_t choose_buffer_bytes(const weir_machine *m, uint64_t wanted) {
    uint64_t bytes = wanted;
    if (bytes == 0) {
        bytes = 4 * m->l3_bytes > usual_buffer_bytes ? 4 * m->l3_bytes : usual_buffer_bytes;
        if (m->available_bytes > 0 && bytes > m->available_bytes / 4)
            bytes = m->available_bytes / 4;
    }
    bytes = bytes < LEAST_BUFFER_BYTES ? LEAST_BUFFER_BYTES : bytes;
    return bytes / LEAST_BUFFER_BYTES * LEAST_BUFFER_BYTES;
}

static void list_teams(weir_machine *m, uint32_t n_threads) {
    for (uint32_t n = 1; n < n_threads && m->n_teams + 1 < WEIR_MACHINE_TEAMS; n *= 2)
        m->team[m->n_teams++] = n;
    m->team[m->n_teams++] = n_threads;
    for (size_t i = 0; i < WEIR_MACHINE_STREAMS; i++)
        m->streams[i] = 1u << i;
}

/* Of each kind of number the best unit among those that may be used. */
static void add_peaks(probe *p, const weir_probe_loops *unit) {
    weir_machine *m = p->machine;
    for (size_t i = 0; i < WEIR_PROBE_ARITHMETIC && unit->arithmetic[i].what; i++) {
        size_t row = 0;
        while (row < m->n_peaks && strcmp(m->peak[row].what, unit->arithmetic[i].what) != 0)
            row++;
        if (row == WEIR_MACHINE_PEAKS)
            continue;
        m->n_peaks += row == m->n_peaks;
        m->peak[row].what = unit->arithmetic[i].what;
        m->peak[row].isa = unit->isa;
        p->rows[row] = &unit->arithmetic[i];
    }
}

/* A unit whose products are all in bfloat16, which only training uses. */
static bool trains_only(const char *isa) {
    return strcmp(isa, "avx512bf16") == 0;
}

/* The plainest units up to the chosen one; bfloat16 if nothing caps. */
static void choose_loops(probe *p, bool is_capped) {
    const weir_machine *m = p->machine;
    bool is_below = true;
    for (size_t i = 0; i < m->n_isas; i++) {
        bool is_open = !is_capped && trains_only(m->isa[i].name);
        if (m->isa[i].is_usable && (is_below || is_open)) {
            add_peaks(p, weir_probe_units[i]);
            if (weir_probe_units[i]->read)
                p->reader = weir_probe_units[i];
        }
        is_below = is_below && strcmp(m->isa[i].name, m->isa_chosen) != 0;
    }
}

/* The tables of kernels decide; the facts only say why. Training has not all of the sets, and one
 * more: the best up to the cap. */
static weir_status choose_isa(weir_machine *m, const char *isa, weir_error *err) {
    weir_cpu_kernels kernels;
    weir_train_kernels training;
    bool is_below = true;
    WEIR_TRY(weir_cpu_kernels_for(&kernels, isa, err));
    m->isa_chosen = kernels.isa;
    for (size_t i = 0; i < m->n_isas; i++) {
        weir_machine_isa *at = &m->isa[i];
        bool trains = weir_train_kernels_for(&training, at->name, false, NULL) == WEIR_STATUS_OK;
        at->is_usable = at->is_built &&
                        (trains_only(at->name)
                             ? trains
                             : weir_cpu_kernels_for(&kernels, at->name, NULL) == WEIR_STATUS_OK);
        if (trains && at->is_usable && is_below)
            m->isa_chosen_training = training.isa;
        is_below = is_below && !(isa && strcmp(at->name, isa) == 0);
    }
    return WEIR_STATUS_OK;
}

static weir_status take_buffer(probe *p, uint64_t wanted, weir_error *err) {
    weir_machine *m = p->machine;
    uint64_t n = choose_buffer_bytes(m, wanted);
    void *buffer = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a buffer of %llu bytes to read",
                         (unsigned long long)n);
    madvise(buffer, n, MADV_HUGEPAGE); /* a wish */
    m->buffer_bytes = n;
    p->buffer = buffer;
    return WEIR_STATUS_OK;
}

static weir_status measure_rates(probe *p, const weir_machine_options *o, weir_error *err) {
    weir_machine *m = p->machine;
    bool only_reading = o->only == WEIR_MACHINE_READING;
    double seconds = o->seconds > 0 ? o->seconds : usual_seconds;
    WEIR_TRY(take_buffer(p, o->buffer_bytes, err));
    choose_loops(p, o->isa != NULL);
    if (only_reading)
        m->n_peaks = 0;
    fill_numbers(&p->numbers);
    WEIR_TRY(weir_workers_open(&p->team, m->team[m->n_teams - 1], true, err));
    double start_s = weir_clock_s();
    weir_workers_run(p->team, fill_buffer, p);
    size_t n_teams = only_reading ? 1 : m->n_teams;
    p->until_s = start_s + seconds;
    p->slice_s = seconds / 4 / (double)(n_teams * (WEIR_MACHINE_STREAMS + m->n_peaks));
    run_rounds(p, only_reading);
    return WEIR_STATUS_OK;
}

static weir_status measure(probe *p, const weir_machine_options *o, weir_error *err) {
    weir_machine *m = p->machine;
    double start_s = weir_clock_s();
    weir_status status = WEIR_STATUS_OK;
    list_teams(m, o->n_threads > 0 ? o->n_threads : m->n_threads);
    if (o->only != WEIR_MACHINE_WAITING)
        status = measure_rates(p, o, err);
    weir_workers_close(&p->team);
    if (p->buffer)
        munmap(p->buffer, m->buffer_bytes);
    for (size_t i = 0; i < m->n_teams && status == WEIR_STATUS_OK; i++)
        if (o->only != WEIR_MACHINE_READING)
            status = measure_waiting(p, i, err);
    m->seconds = weir_clock_s() - start_s;
    return status;
}

weir_status weir_machine_probe(weir_machine *out, const weir_machine_options *options,
                               weir_error *err) {
    static const weir_machine_options defaults;
    const weir_machine_options *o = options ? options : &defaults;
    memset(out, 0, sizeof *out);
    if (o->n_threads > WEIR_MAX_CPUS)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "n_threads is %u, expected %d at most",
                         o->n_threads, WEIR_MAX_CPUS);
    weir_machine_read_facts(out);
    WEIR_TRY(choose_isa(out, o->isa, err));
    if (o->seconds < 0)
        return WEIR_STATUS_OK;
    probe *p = aligned_alloc(_Alignof(probe), sizeof *p);
    if (!p)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to measure the machine");
    memset(p, 0, sizeof *p);
    p->machine = out;
    weir_status status = measure(p, o, err);
    free(p);
    return status;
}
