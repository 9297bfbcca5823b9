/*
 * gpu_floors_main.c: the floors as a program, for scripts.
 *
 *   gpu_floors check                       the formulas against known counts and times
 *   gpu_floors limits SHAPE FORM BYTES_PER_S FLOP_PER_S ATTENTION_FLOP_PER_S
 *       reads lines "decode BATCH DEPTH", "shared BATCH DEPTH" (one K/V for all of the batch),
 *       "prefill N" or "burst N IN OUT" and writes each with the least seconds behind it
 */
#include "gpu_floors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- check -------------------------------------------------------------------------------- */

static int n_wrong;

static void expect(const char *what, double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance * fabs(want))) {
        printf("FAIL %s: %.6g, expected %.6g\n", what, got, want);
        n_wrong++;
    }
}

typedef struct stream_row {
    const char *form;
    double tokens_per_s[6]; /* at the depths below */
} stream_row;

/* Worked out apart from these formulas, at 4.3 TB/s; three or four digits are known. */
static void check_24b(void) {
    static const double depths[6] = {0, 1024, 4096, 8192, 32768, 131072};
    static const stream_row rows[] = {
        {"bf16", {924, 920, 908, 892, 807, 586}},
        {"fp8", {1844, 1827, 1780, 1720, 1432, 857}},
        {"q8_0", {1736, 1721, 1679, 1626, 1366, 833}},
        {"q4x8", {2443, 2414, 2332, 2230, 1769, 967}},
        {"q4_0", {3266, 3215, 3071, 2897, 2163, 1075}},
    };
    static const double batched[][2] = {{1, 919},   {8, 1677},    {32, 3221},
                                        {64, 5656}, {256, 20189}, {1024, 58683}};
    static const double prompts[][2] = {
        {128, 11.1e-3}, {1024, 11.1e-3}, {4096, 23.6e-3}, {32768, 238e-3}, {131072, 1618e-3}};
    const weir_gpu_ceilings c = {4.3e12, 790e12, 790e12};
    const weir_gpu_shape *s = weir_gpu_shape_find("lfm2-24b-a2b");
    const weir_gpu_form *bf16 = weir_gpu_form_find("bf16");
    expect("parameters", weir_gpu_n_params(s), 23843661440, 0);
    expect("active parameters", weir_gpu_n_active(s), 2326881920, 0);
    expect("bytes of K/V", weir_gpu_kv_token_bytes(s, bf16), 20480, 0);
    expect("bytes of a conv state", weir_gpu_conv_state_bytes(s), 245760, 0);
    expect("experts of 16 rows", weir_gpu_distinct(s, 16), 41.2, 2e-3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t d = 0; d < 6; d++)
            expect(rows[i].form,
                   1 / weir_gpu_decode_s(s, weir_gpu_form_find(rows[i].form), &c, 1, depths[d]),
                   rows[i].tokens_per_s[d], 1e-3);
    for (size_t i = 0; i < sizeof batched / sizeof *batched; i++)
        expect("a batch", batched[i][0] / weir_gpu_decode_s(s, bf16, &c, batched[i][0], 1280),
               batched[i][1], 1e-3);
    /* 64 timelines of one K/V of 32,768 tokens: 46.95 GB of weights, 0.67 of K/V, 0.03 of states.
     */
    expect("a batch of one K/V", weir_gpu_shared_s(s, bf16, &c, 64, 32768), 47.65e9 / 4.3e12, 2e-3);
    for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++)
        expect("a prompt", weir_gpu_prefill_s(s, bf16, &c, prompts[i][0]), prompts[i][1], 5e-3);
    expect("the burst", weir_gpu_burst_s(s, bf16, &c, 1024, 1024, 512), 5.88 + 8.93, 5e-3);
}

/* ---- limits ------------------------------------------------------------------------------- */

static int print_limits(char **argv) {
    const weir_gpu_shape *s = weir_gpu_shape_find(argv[0]);
    const weir_gpu_form *f = weir_gpu_form_find(argv[1]);
    const weir_gpu_ceilings c = {atof(argv[2]), atof(argv[3]), atof(argv[4])};
    if (!s || !f || !(c.bytes_per_s > 0 && c.flop_per_s > 0 && c.attention_flop_per_s > 0)) {
        fprintf(stderr, "gpu_floors: %s %s: expected a shape, a form and rates above 0\n", argv[0],
                argv[1]);
        return 2;
    }
    char line[256];
    while (fgets(line, sizeof line, stdin)) {
        double a, b, d, seconds;
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "decode %lf %lf", &a, &b) == 2)
            seconds = weir_gpu_decode_s(s, f, &c, a, b);
        else if (sscanf(line, "shared %lf %lf", &a, &b) == 2)
            seconds = weir_gpu_shared_s(s, f, &c, a, b);
        else if (sscanf(line, "prefill %lf", &a) == 1)
            seconds = weir_gpu_prefill_s(s, f, &c, a);
        else if (sscanf(line, "burst %lf %lf %lf", &a, &b, &d) == 3)
            seconds = weir_gpu_burst_s(s, f, &c, a, b, d);
        else {
            fprintf(stderr, "gpu_floors: '%s': expected decode, shared, prefill or burst\n", line);
            return 2;
        }
        printf("%s %.9g\n", line, seconds);
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "check") == 0) {
        check_24b();
        puts(n_wrong ? "floors: wrong" : "floors: as they should be");
        return n_wrong > 0;
    }
    if (argc == 7 && strcmp(argv[1], "limits") == 0)
        return print_limits(argv + 2);
    fputs("usage: gpu_floors check | limits SHAPE FORM BYTES_PER_S FLOP_PER_S "
          "ATTENTION_FLOP_PER_S\n",
          stderr);
    return 2;
}
