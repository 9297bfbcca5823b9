/*
 * weir_bench.c: weir's side of bench/peer, on the public interface only. One process measures one
 * case and prints one line of JSON; rival.mjs does the same work in llama.cpp, and peer_bench.mjs
 * compares. It also holds the two helpers of the comparison: `probe` measures the machine, `warm`
 * brings a file into the page cache.
 *
 *     weir_bench info MODEL
 *     weir_bench warm FILE
 *     weir_bench probe [--threads N]
 *     weir_bench CASE MODEL [--n N] [--depth N] [--seqs N] [--threads N] [--batch N] [--reps N]
 *                [--max-seconds N] [--state FILE] [--isa NAME]
 *
 * CASE is prefill, first, decode, greedy, parallel, load or memory; README.md says what each is.
 * Not here: what a number means, and any choice of rivals.
 */
#include "weir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_REPS = 64,
    MAX_SEQS = 256,
    MAX_THREADS = 1024,
    N_WARM = 64,      /* tokens of the run before the clock starts */
    N_PROMPT = 16,    /* tokens before a parallel timeline decodes */
    N_STREAMS = 8,    /* places at which a thread of the probe reads at once */
    N_CTX_LOAD = 4096 /* tokens of room in the cases load and memory */
};

typedef struct bench_case {
    const char *name, *path, *state, *isa;
    uint32_t n, depth, n_seqs, n_threads, n_batch, n_reps, max_seconds;
} bench_case;

static weir_error error;

/* What a case has measured so far. */
static struct {
    double seconds[MAX_REPS]; /* [n] */
    uint32_t n;
    uint64_t n_tokens; /* of one repetition */
} result;

__attribute__((noreturn, format(printf, 1, 2))) static void quit(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("weir_bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static void require(weir_status status) {
    if (status != WEIR_STATUS_OK)
        quit("%s", error.text);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *take(size_t n, size_t size) {
    void *memory = calloc(n, size);
    if (!memory)
        quit("no memory for %zu x %zu bytes", n, size);
    return memory;
}

/* ---- the machine ---------------------------------------------------------------------------- */

/* One thread of the probe. Each has memory of its own, filled with noise: pages that were never
 * written would all be the same one, and come from the cache. */
typedef struct probe_part {
    pthread_t thread;
    pthread_barrier_t *barrier;
    uint64_t *words; /* [n_words] */
    size_t n_words;
    uint32_t n_rounds;
    double read_s, compute_s;
    uint64_t kept; /* so that nothing is optimized away */
} probe_part;

enum { PROBE_STEPS = 40 * 1000 * 1000 };

/* Two words at once, in a form that every compiler has an instruction for. */
typedef uint64_t word_pair __attribute__((vector_size(16)));

static uint64_t read_streams(const uint64_t *words, size_t n_words) {
    const word_pair *pairs = (const word_pair *)words;
    size_t n = n_words / 2 / N_STREAMS;
    word_pair sums[N_STREAMS] = {{0}};
    for (size_t i = 0; i + 4 <= n; i += 4)
        for (size_t stream = 0; stream < N_STREAMS; stream++)
            for (size_t k = 0; k < 4; k++)
                sums[stream] += pairs[stream * n + i + k];
    uint64_t sum = 0;
    for (size_t stream = 0; stream < N_STREAMS; stream++)
        sum += sums[stream][0] ^ sums[stream][1];
    return sum;
}

/* Eight chains of multiply and add in registers: the clock and the share of the processor that this
 * thread gets, without memory. */
static uint64_t compute_chains(uint64_t seed) {
    uint64_t x[8];
    for (size_t k = 0; k < 8; k++)
        x[k] = seed + k;
    for (uint32_t i = 0; i < PROBE_STEPS / 8; i++)
        for (size_t k = 0; k < 8; k++)
            x[k] = x[k] * 6364136223846793005u + 1442695040888963407u;
    uint64_t sum = 0;
    for (size_t k = 0; k < 8; k++)
        sum ^= x[k];
    return sum;
}

static void *run_probe(void *context) {
    probe_part *part = context;
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < part->n_words; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        part->words[i] = x;
    }
    pthread_barrier_wait(part->barrier);
    double start = now();
    for (uint32_t round = 0; round < part->n_rounds; round++)
        part->kept += read_streams(part->words, part->n_words);
    part->read_s = now() - start;
    pthread_barrier_wait(part->barrier);
    start = now();
    part->kept ^= compute_chains(x);
    part->compute_s = now() - start;
    return NULL;
}

static void probe(uint32_t n_threads) {
    static probe_part parts[MAX_THREADS];
    if (n_threads == 0)
        quit("probe: --threads is missing, expected 1 to %d", MAX_THREADS);
    /* Larger than the last cache together, small enough to be taken before every run. */
    size_t bytes = (size_t)(n_threads > 8 ? 32 : 256 / n_threads) << 20;
    uint32_t n_rounds = 4;
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, n_threads);
    for (uint32_t i = 0; i < n_threads; i++) {
        void *memory =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            quit("probe: no memory for %zu bytes", bytes);
        madvise(memory, bytes, MADV_HUGEPAGE);
        parts[i] = (probe_part){.barrier = &barrier,
                                .words = memory,
                                .n_words = bytes / sizeof(uint64_t),
                                .n_rounds = n_rounds};
        int code = pthread_create(&parts[i].thread, NULL, run_probe, &parts[i]);
        if (code != 0)
            quit("probe: thread %u cannot be started: %s", i, strerror(code));
    }
    double read_s = 0, compute_s = 0;
    uint64_t kept = 0;
    for (uint32_t i = 0; i < n_threads; i++) {
        pthread_join(parts[i].thread, NULL);
        read_s = parts[i].read_s > read_s ? parts[i].read_s : read_s;
        compute_s = parts[i].compute_s > compute_s ? parts[i].compute_s : compute_s;
        kept ^= parts[i].kept;
    }
    double read_bytes = (double)bytes * n_threads * n_rounds;
    printf("{\"read_gb_s\": %.3f, \"compute_gop_s\": %.3f, \"threads\": %u, \"kept\": %u}\n",
           1e-9 * read_bytes / read_s, 1e-9 * PROBE_STEPS * n_threads / compute_s, n_threads,
           (unsigned)(kept & 1));
}

/* Pages of the file in the page cache. */
static size_t n_cached(const char *path, void *map, size_t size, unsigned char *is_in,
                       size_t n_pages) {
    size_t n = 0;
    if (mincore(map, size, is_in) != 0)
        quit("%s cannot be looked at: %s", path, strerror(errno));
    for (size_t i = 0; i < n_pages; i++)
        n += is_in[i] & 1;
    return n;
}

/* Reads the file into the page cache; says how much of it was not there, and how much is now. Of a
 * file that is another user's and may not be written the kernel calls every page cached (since
 * Linux 5.2): that is no reason not to read it, and then null is said. */
static void warm(const char *path) {
    int fd = open(path, O_RDONLY);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0)
        quit("%s cannot be opened: %s", path, strerror(errno));
    size_t size = (size_t)about.st_size, page = (size_t)sysconf(_SC_PAGESIZE);
    size_t n_pages = (size + page - 1) / page;
    if (n_pages == 0)
        quit("%s is empty, expected a model", path);
    bool is_told = about.st_uid == geteuid() || access(path, W_OK) == 0;
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        quit("%s cannot be mapped: %s", path, strerror(errno));
    unsigned char *is_in = take(n_pages, 1);
    size_t n_before = is_told ? n_cached(path, map, size, is_in, n_pages) : 0;
    enum { PIECE = 8 << 20 };
    char *piece = take(PIECE, 1);
    for (off_t at = 0; at < about.st_size; at += PIECE)
        if (pread(fd, piece, PIECE, at) < 0)
            quit("%s cannot be read at byte %lld: %s", path, (long long)at, strerror(errno));
    if (is_told)
        printf("{\"bytes\": %zu, \"read\": %zu, \"cached\": %.4f}\n", size,
               (n_pages - n_before) * page,
               (double)n_cached(path, map, size, is_in, n_pages) / (double)n_pages);
    else
        printf("{\"bytes\": %zu, \"read\": null, \"cached\": null}\n", size);
    munmap(map, size);
    free(is_in);
    free(piece);
    close(fd);
}

/* A line of /proc/self/status in bytes; 0 where the system does not tell. */
static uint64_t status_bytes(const char *key) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    uint64_t kib = 0;
    size_t n = strlen(key);
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, n) == 0 && line[n] == ':')
            kib = strtoull(line + n + 1, NULL, 10);
    if (file)
        fclose(file);
    return kib * 1024;
}

/* ---- the work ------------------------------------------------------------------------------- */

/* The same ids in every engine and every run: the generator of Park and Miller. It begins anew
 * before what is measured, so that a timeline from a file is followed by the same tokens. */
static struct {
    uint64_t x;
    uint32_t n_vocab;
} ids;

static void seed_ids(void) {
    ids.x = 12345;
}

static int32_t next_id(void) {
    ids.x = ids.x * 16807 % 2147483647;
    return (int32_t)(ids.x % ids.n_vocab);
}

static void append_ids(weir_seq *seq, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        int32_t id = next_id();
        require(weir_seq_append(seq, &id, 1, &error));
    }
}

typedef struct bench {
    const bench_case *options;
    weir_model *model;
    weir_engine *engine;
    weir_sampler *sampler; /* greedy */
    double open_s;
} bench;

static void open_bench(bench *b, const bench_case *options, uint32_t n_ctx) {
    *b = (bench){.options = options};
    double start = now();
    require(weir_model_open(&b->model, options->path, &error));
    weir_engine_options engine = {.n_threads = options->n_threads,
                                  .n_batch = options->n_batch,
                                  .n_ctx = n_ctx,
                                  .n_seqs = options->n_seqs,
                                  .isa = options->isa,
                                  .no_prefix_cache = true}; /* else a repetition would be free */
    require(weir_engine_open(&b->engine, b->model, &engine, &error));
    b->open_s = now() - start;
    weir_model_info info;
    weir_model_get_info(b->model, &info);
    ids.n_vocab = info.n_vocab;
    seed_ids();
    weir_sampling sampling;
    weir_sampling_neutral(&sampling);
    require(weir_sampler_open(&b->sampler, b->model, &sampling, &error));
}

static void close_bench(bench *b) {
    weir_sampler_close(&b->sampler);
    weir_engine_close(&b->engine);
    weir_model_close(&b->model);
}

static void warm_up(bench *b) {
    weir_seq *seq = NULL;
    require(weir_seq_open(&seq, b->engine, &error));
    append_ids(seq, N_WARM);
    require(weir_seq_run(seq, &error));
    for (uint32_t i = 0; i < 2; i++) {
        append_ids(seq, 1);
        require(weir_seq_run(seq, &error));
    }
    weir_seq_close(&seq);
}

/* Is there to be another repetition? The first is always made. */
static bool goes_on(const bench_case *options) {
    double sum = 0;
    for (uint32_t i = 0; i < result.n; i++)
        sum += result.seconds[i];
    return result.n == 0 || (result.n < options->n_reps && sum < options->max_seconds);
}

static void keep(double seconds) {
    result.seconds[result.n++] = seconds;
}

static int32_t draw(bench *b, weir_seq *seq) {
    int32_t token;
    size_t n = weir_seq_n_tokens(seq);
    require(weir_sampler_draw(b->sampler, weir_seq_logits(seq), weir_seq_tokens(seq), n, n, NULL,
                              &token, &error));
    return token;
}

/* A prompt of n tokens until its logits are there, and with `draws` the first token is drawn. */
static void measure_prompt(bench *b, bool draws) {
    open_bench(b, b->options, b->options->n + N_WARM + 8);
    warm_up(b);
    seed_ids();
    while (goes_on(b->options)) {
        weir_seq *seq = NULL;
        require(weir_seq_open(&seq, b->engine, &error));
        append_ids(seq, b->options->n);
        double start = now();
        require(weir_seq_run(seq, &error));
        if (draws)
            draw(b, seq);
        keep(now() - start);
        weir_seq_close(&seq);
    }
    result.n_tokens = b->options->n;
}

/* A timeline of `depth` tokens, from the state file if there is one. Not measured. */
static weir_seq *open_depth(bench *b) {
    const bench_case *options = b->options;
    weir_seq *seq = NULL;
    if (options->state && access(options->state, R_OK) == 0) {
        require(weir_seq_load(&seq, b->engine, options->state, &error));
        if (weir_seq_n_tokens(seq) != options->depth)
            quit("%s holds %zu tokens, expected %u", options->state, weir_seq_n_tokens(seq),
                 options->depth);
        return seq;
    }
    require(weir_seq_open(&seq, b->engine, &error));
    append_ids(seq, options->depth);
    require(weir_seq_run(seq, &error));
    if (options->state && options->depth > 0)
        require(weir_seq_save(seq, options->state, &error));
    return seq;
}

/* n single tokens after `depth` others: given ones, or with `draws` the likeliest. A repetition
 * goes on where the last one ended, in both engines, because one of them cannot step back. */
static void measure_decode(bench *b, bool draws) {
    const bench_case *options = b->options;
    open_bench(b, options, options->depth + options->n * options->n_reps + N_WARM + 8);
    warm_up(b);
    weir_seq *seq = open_depth(b);
    seed_ids();
    append_ids(seq, 1);
    require(weir_seq_run(seq, &error));
    while (goes_on(options)) {
        double start = now();
        for (uint32_t i = 0; i < options->n; i++) {
            int32_t token = draws ? draw(b, seq) : next_id();
            require(weir_seq_append(seq, &token, 1, &error));
            require(weir_seq_run(seq, &error));
        }
        keep(now() - start);
    }
    weir_seq_close(&seq);
    result.n_tokens = options->n;
}

/* n steps of one token for each of n_seqs timelines. */
static void measure_parallel(bench *b) {
    const bench_case *options = b->options;
    static weir_chunk chunks[MAX_SEQS];
    open_bench(b, options, N_PROMPT + options->n * options->n_reps + N_WARM + 8);
    warm_up(b);
    seed_ids();
    for (uint32_t s = 0; s < options->n_seqs; s++) {
        require(weir_seq_open(&chunks[s].seq, b->engine, &error));
        append_ids(chunks[s].seq, N_PROMPT);
        require(weir_seq_run(chunks[s].seq, &error));
    }
    while (goes_on(options)) {
        double start = now();
        for (uint32_t i = 0; i < options->n; i++) {
            for (uint32_t s = 0; s < options->n_seqs; s++) {
                append_ids(chunks[s].seq, 1);
                chunks[s].n_tokens = 1;
            }
            require(weir_engine_step(b->engine, chunks, options->n_seqs, &error));
        }
        keep(now() - start);
    }
    for (uint32_t s = 0; s < options->n_seqs; s++)
        weir_seq_close(&chunks[s].seq);
    result.n_tokens = (uint64_t)options->n * options->n_seqs;
}

/* From the path to an engine that is ready, and on to the logits of a first token. */
static void measure_load(bench *b) {
    double start = now();
    open_bench(b, b->options, N_CTX_LOAD);
    keep(b->open_s);
    weir_seq *seq = NULL;
    require(weir_seq_open(&seq, b->engine, &error));
    append_ids(seq, 1);
    require(weir_seq_run(seq, &error));
    printf("\"to_first_logits_s\": %.6f, ", now() - start);
    weir_seq_close(&seq);
}

/* What the process holds after a prompt of n tokens and some more. */
static void measure_memory(bench *b) {
    uint64_t before = status_bytes("VmRSS");
    double start = now();
    open_bench(b, b->options, N_CTX_LOAD);
    weir_seq *seq = NULL;
    require(weir_seq_open(&seq, b->engine, &error));
    append_ids(seq, b->options->n);
    require(weir_seq_run(seq, &error));
    for (uint32_t i = 0; i < N_PROMPT; i++) {
        append_ids(seq, 1);
        require(weir_seq_run(seq, &error));
    }
    keep(now() - start);
    printf("\"rss\": %" PRIu64 ", \"rss_peak\": %" PRIu64 ", \"rss_file\": %" PRIu64
           ", \"rss_before\": %" PRIu64 ", ",
           status_bytes("VmRSS"), status_bytes("VmHWM"), status_bytes("RssFile"), before);
    weir_seq_close(&seq);
}

static void measure(const bench_case *options) {
    bench b = {.options = options};
    printf("{\"engine\": \"weir\", \"case\": \"%s\", ", options->name);
    if (strcmp(options->name, "prefill") == 0)
        measure_prompt(&b, false);
    else if (strcmp(options->name, "first") == 0)
        measure_prompt(&b, true);
    else if (strcmp(options->name, "decode") == 0)
        measure_decode(&b, false);
    else if (strcmp(options->name, "greedy") == 0)
        measure_decode(&b, true);
    else if (strcmp(options->name, "parallel") == 0)
        measure_parallel(&b);
    else if (strcmp(options->name, "load") == 0)
        measure_load(&b);
    else if (strcmp(options->name, "memory") == 0)
        measure_memory(&b);
    else
        quit("no case '%s', expected prefill, first, decode, greedy, parallel, load or memory",
             options->name);
    weir_plan plan;
    weir_engine_memory(b.engine, &plan);
    printf("\"n\": %u, \"depth\": %u, \"seqs\": %u, \"threads\": %u, \"tokens\": %" PRIu64
           ", \"build\": \"weir %s (%s)\", \"seconds\": [",
           options->n, options->depth, options->n_seqs, plan.n_threads, result.n_tokens,
           weir_version(), weir_engine_describe(b.engine));
    for (uint32_t i = 0; i < result.n; i++)
        printf("%s%.6f", i ? ", " : "", result.seconds[i]);
    puts("]}");
    close_bench(&b);
}

static void print_info(const char *path) {
    weir_model *model = NULL;
    weir_engine *engine = NULL;
    weir_model_info info;
    weir_engine_options options = {.n_ctx = 64};
    weir_plan plan;
    require(weir_model_open(&model, path, &error));
    weir_model_get_info(model, &info);
    require(weir_engine_open(&engine, model, &options, &error));
    weir_engine_memory(engine, &plan);
    printf("{\"n_vocab\": %u, \"n_ctx\": %u, \"threads\": %u, \"file_type\": \"%s\", "
           "\"params\": %" PRIu64 ", \"weight_bytes\": %" PRIu64 "}\n",
           info.n_vocab, info.n_ctx, plan.n_threads, info.file_type, info.n_params,
           info.weight_bytes);
    weir_engine_close(&engine);
    weir_model_close(&model);
}

static uint32_t number(const char *option, const char *text, uint32_t max) {
    char *end = NULL;
    unsigned long value = text ? strtoul(text, &end, 10) : 0;
    if (!text || end == text || *end || value > max)
        quit("%s is '%s', expected 0 to %u", option, text ? text : "", max);
    return (uint32_t)value;
}

int main(int argc, char **argv) {
    if (argc < 2)
        quit("usage: weir_bench CASE MODEL [options]; README.md has them");
    bench_case options = {.name = argv[1], .n_seqs = 1, .n_batch = 512, .n_reps = 1, .n = 64};
    options.max_seconds = 10;
    int i = 2;
    if (i < argc && argv[i][0] != '-')
        options.path = argv[i++];
    for (; i < argc; i += 2) {
        const char *option = argv[i], *value = argv[i + 1];
        if (strcmp(option, "--n") == 0)
            options.n = number(option, value, 1u << 20);
        else if (strcmp(option, "--depth") == 0)
            options.depth = number(option, value, 1u << 20);
        else if (strcmp(option, "--seqs") == 0)
            options.n_seqs = number(option, value, MAX_SEQS);
        else if (strcmp(option, "--threads") == 0)
            options.n_threads = number(option, value, MAX_THREADS);
        else if (strcmp(option, "--batch") == 0)
            options.n_batch = number(option, value, 1u << 16);
        else if (strcmp(option, "--reps") == 0)
            options.n_reps = number(option, value, MAX_REPS);
        else if (strcmp(option, "--max-seconds") == 0)
            options.max_seconds = number(option, value, 1u << 20);
        else if (strcmp(option, "--state") == 0 && value)
            options.state = value;
        else if (strcmp(option, "--isa") == 0 && value)
            options.isa = value;
        else
            quit("unknown option '%s', or one without a value", option);
    }
    if (strcmp(options.name, "probe") == 0) {
        probe(options.n_threads);
        return 0;
    }
    if (!options.path)
        quit("%s: the file is missing", options.name);
    if (options.n == 0 || options.n_seqs == 0)
        quit("--n and --seqs are at least 1");
    if (strcmp(options.name, "warm") == 0)
        warm(options.path);
    else if (strcmp(options.name, "info") == 0)
        print_info(options.path);
    else
        measure(&options);
    return 0;
}
