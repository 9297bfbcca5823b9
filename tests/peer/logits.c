/*
 * logits.c: weir's side of the peer tests. Runs models over token lists through the public
 * interface and writes down what it says; judges nothing (compare.mjs does).
 *
 *     peer_logits DIR DEVICE N_GREEDY NAME...
 *
 * DEVICE is one of the engine's, or cpu-q15, cpu-parity: the CPU with these activations instead of 8 bits.
 * DIR/tokens.txt holds one list of ids a line. Of each DIR/NAME.gguf: DIR/NAME.DEVICE.logits, the
 * logits after every token of every list (float32, [tokens of all lists, n_vocab]), and
 * DIR/NAME.DEVICE.greedy, N_GREEDY ids after the first list. K/V is f32. A model runs with the
 * adapter DIR/NAME.lora.gguf if there is one.
 */
#include "weir.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LISTS = 8, MAX_TOKENS = 512, MAX_PATH = 1024 };

static weir_error error;

static struct {
    int32_t tokens[MAX_LISTS][MAX_TOKENS];
    uint32_t n_tokens[MAX_LISTS];
    uint32_t n_lists, n_all, n_longest;
} lists;

static struct {
    int32_t tokens[MAX_TOKENS];
    uint32_t n_tokens;
} greedy;

__attribute__((noreturn, format(printf, 1, 2))) static void quit(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("peer_logits: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static void require(weir_status status) {
    if (status != WEIR_STATUS_OK)
        quit("%s", error.text);
}

static void *take(size_t n, size_t size) {
    void *memory = calloc(n, size);
    if (!memory)
        quit("no memory for %zu x %zu bytes", n, size);
    return memory;
}

static FILE *open_file(const char *dir, const char *name, const char *mode) {
    char path[MAX_PATH];
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        quit("%s/%s: the path is too long", dir, name);
    FILE *file = fopen(path, mode);
    if (!file)
        quit("%s cannot be opened", path);
    return file;
}

static FILE *open_result(const char *dir, const char *name, const char *device, const char *what) {
    char file[MAX_PATH];
    snprintf(file, sizeof file, "%s.%s.%s", name, device, what);
    return open_file(dir, file, "wb");
}

static void close_result(FILE *file) {
    if (ferror(file) || fclose(file) != 0)
        quit("a result could not be written");
}

static void read_lists(const char *dir) {
    FILE *file = open_file(dir, "tokens.txt", "r");
    char line[MAX_TOKENS * 8];
    while (fgets(line, sizeof line, file)) {
        if (lists.n_lists == MAX_LISTS)
            quit("tokens.txt: at most %d lists", MAX_LISTS);
        uint32_t *n = &lists.n_tokens[lists.n_lists];
        char *at = line, *end;
        for (long id = strtol(at, &end, 10); end != at; id = strtol(at, &end, 10)) {
            if (*n == MAX_TOKENS)
                quit("tokens.txt: at most %d tokens in a list", MAX_TOKENS);
            lists.tokens[lists.n_lists][(*n)++] = (int32_t)id;
            at = end;
        }
        if (*n == 0)
            quit("tokens.txt: line %u holds no ids", lists.n_lists + 1);
        lists.n_all += *n;
        lists.n_longest = *n > lists.n_longest ? *n : lists.n_longest;
        lists.n_lists++;
    }
    if (ferror(file) || lists.n_lists == 0)
        quit("tokens.txt holds no lists");
    fclose(file);
}

static bool keep_greedy(void *context, int32_t token) {
    (void)context;
    if (greedy.n_tokens == MAX_TOKENS)
        return false;
    greedy.tokens[greedy.n_tokens++] = token;
    return true;
}

static void run_greedy(weir_seq *seq, const weir_model *model, uint32_t n) {
    weir_sampling sampling;
    weir_sampler *sampler = NULL;
    weir_sampling_neutral(&sampling);
    require(weir_sampler_open(&sampler, model, &sampling, &error));
    weir_generate_options options = {.max_tokens = n, .ignore_eos = true, .on_token = keep_greedy};
    weir_generate_result result;
    greedy.n_tokens = 0;
    require(weir_generate(seq, sampler, &options, &result, &error));
    weir_sampler_close(&sampler);
}

static void run_model(const char *dir, const char *name, const char *device, uint32_t n_greedy) {
    char path[MAX_PATH];
    snprintf(path, sizeof path, "%s/%s.gguf", dir, name);
    weir_model *model = NULL;
    require(weir_model_open(&model, path, &error));
    weir_model_info info;
    weir_model_get_info(model, &info);
    snprintf(path, sizeof path, "%s/%s.lora.gguf", dir, name);
    FILE *adapter = fopen(path, "rb");
    weir_lora *lora = NULL;
    if (adapter) {
        fclose(adapter);
        require(weir_lora_open(&lora, model, path, &error));
    }

    /* All lists run as prompts in one step. */
    const char *dash = strncmp(device, "cpu-", 4) == 0 ? device + 4 : NULL;
    weir_engine_options options = {.device = dash ? "cpu" : device,
                                   .activations = dash,
                                   .kv_type = "f32",
                                   .n_ctx = lists.n_longest + n_greedy,
                                   .n_seqs = lists.n_lists,
                                   .n_batch = lists.n_all,
                                   .n_out = lists.n_all,
                                   .loras = &lora,
                                   .n_loras = lora ? 1 : 0};
    weir_engine *engine = NULL;
    require(weir_engine_open(&engine, model, &options, &error));
    float *logits = take((size_t)lists.n_all * info.n_vocab, sizeof *logits); /* [n_all, n_vocab] */
    weir_chunk chunks[MAX_LISTS] = {{0}};
    float *row = logits;
    for (uint32_t i = 0; i < lists.n_lists; i++) {
        chunks[i].n_tokens = lists.n_tokens[i];
        chunks[i].logits = row;
        row += (size_t)lists.n_tokens[i] * info.n_vocab;
        require(weir_seq_open(&chunks[i].seq, engine, &error));
        require(weir_seq_append(chunks[i].seq, lists.tokens[i], lists.n_tokens[i], &error));
    }
    require(weir_engine_step(engine, chunks, lists.n_lists, &error));
    FILE *file = open_result(dir, name, device, "logits");
    fwrite(logits, sizeof *logits, (size_t)lists.n_all * info.n_vocab, file);
    close_result(file);

    run_greedy(chunks[0].seq, model, n_greedy);
    file = open_result(dir, name, device, "greedy");
    for (uint32_t i = 0; i < greedy.n_tokens; i++)
        fprintf(file, "%d ", greedy.tokens[i]);
    close_result(file);

    for (uint32_t i = 0; i < lists.n_lists; i++)
        weir_seq_close(&chunks[i].seq);
    free(logits);
    weir_engine_close(&engine);
    weir_lora_close(&lora);
    weir_model_close(&model);
}

int main(int argc, char **argv) {
    if (argc < 5)
        quit("usage: peer_logits DIR DEVICE N_GREEDY NAME...");
    unsigned long n_greedy = strtoul(argv[3], NULL, 10);
    if (n_greedy == 0 || n_greedy > MAX_TOKENS)
        quit("N_GREEDY is %s, expected 1 to %d", argv[3], MAX_TOKENS);
    read_lists(argv[1]);
    for (int i = 4; i < argc; i++)
        run_model(argv[1], argv[i], argv[2], (uint32_t)n_greedy);
    return 0;
}
