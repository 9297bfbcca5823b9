/*
 * test_train_tiles.c: products in bfloat16 on tiles (AMX): the same packing and loops as on the
 * processor, over an emulation of its tile instructions, bit for bit against a scalar model, with
 * every way of standing in memory; the same of the compiled code for AMX, each of its tile
 * instructions trapped, where the processor has vectors of bfloat16 alone; and, where it has tiles
 * or vectors, the device itself against double arithmetic.
 */
#include "tile_emulated.h"
#include "tile_trapped.h"
#include "train_kernel_test.h"

#include "cpu/train_device.h"
#define TILES_NAME "emulated bf16"
#include "cpu/train_template_tiles.h"

#include "cpu/train_template_square.h"

/* The compiled products for AMX, on a processor without tiles, or those of the emulation. */
static weir_product_kernels product_of_kind(bool is_trapped) {
    weir_train_kernels k;
    weir_error err;
    if (!is_trapped)
        return tiles_product;
    if (weir_train_kernels_for(&k, "avx512bf16", false, &err) != WEIR_STATUS_OK) {
        print_message("skipped: %s\n", err.text);
        skip();
    }
#if WEIR_HAS_TRAPS
    trap_tiles_begin();
    weir_train_init_amx(&k);
#endif
    if (strcmp(k.isa, "amx") != 0) {
        print_message("skipped: there is no amx in this library\n");
        skip();
    }
    return k.product;
}

/* One thread, like a device with these products: what the device divides, it divides here too. */
static weir_train_cpu *open_tiles(uint32_t n_threads, bool is_trapped) {
    const weir_product_kernels product = product_of_kind(is_trapped);
    weir_trainer_device_options options = {
        .isa = "portable", .n_threads = n_threads, .is_exact = true, .no_pin = true};
    weir_trainer_device *dev;
    weir_error err;
    assert_int_equal(weir_cpu_train_open(&dev, &options, &err), WEIR_STATUS_OK);
    weir_train_cpu *cpu = (weir_train_cpu *)(void *)dev;
    /* Panels of the two kinds need not fit in the same room. */
    size_t n_panels = WEIR_PRODUCT_ROWS / product.tile_rows + 1;
    for (uint32_t i = 0; i < n_threads; i++)
        cpu->a[i] = new_array(n_panels * product.a_panel_bytes);
    cpu->kernels.product = product;
    return cpu;
}

/* c = (or +=) the product of rounded numbers, 32 p at a time. */
static void model(const weir_matmul *op) {
    for (uint32_t i = 0; i < op->m; i++)
        for (uint32_t j = 0; j < op->n; j++) {
            float sum = op->is_added ? op->c[i * op->ldc + j] : 0.0f;
            for (uint32_t p = 0; p < op->k; p += 32) {
                uint16_t a[32] = {0}, b[32] = {0};
                for (uint32_t q = 0; q < 32 && p + q < op->k; q++) {
                    size_t at = p + q;
                    a[q] = emulated_round(op->a_is_transposed ? op->a[at * op->lda + i]
                                                              : op->a[i * op->lda + at]);
                    b[q] = emulated_round(op->b_is_transposed ? op->b[j * op->ldb + at]
                                                              : op->b[at * op->ldb + j]);
                }
                sum = emulated_dot(sum, a, b, 2);
            }
            op->c[i * op->ldc + j] = sum;
        }
}

static weir_matmul make(numbers *r, uint32_t m, uint32_t n, uint32_t k, int form, size_t *n_c) {
    bool ta = form & 1, tb = form & 2, is_added = form & 4;
    size_t lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 1, ldc = n + 2;
    *n_c = m * ldc;
    return (weir_matmul){.m = m,
                         .n = n,
                         .k = k,
                         .a = uniform(r, (ta ? k : m) * lda),
                         .b = filled(r, (tb ? n : k) * ldb, next_heavy),
                         .c = uniform(r, *n_c),
                         .lda = lda,
                         .ldb = ldb,
                         .ldc = ldc,
                         .a_is_transposed = ta,
                         .b_is_transposed = tb,
                         .is_added = is_added};
}

static void check_bits(weir_train_cpu *cpu, weir_matmul op, size_t n_c) {
    float *want = copy_of(op.c, n_c), *got = copy_of(op.c, n_c);
    op.c = want;
    model(&op);
    op.c = got;
    cpu->dev.ops.matmul(&cpu->dev, &op, 1);
    char what[80];
    snprintf(what, sizeof what, "%u x %u x %u, form %d%d%d", (unsigned)op.m, (unsigned)op.n,
             (unsigned)op.k, op.a_is_transposed, op.b_is_transposed, op.is_added);
    assert_same(what, "tiles", got, want, n_c);
}

static void test_bits(void **state) {
    const bool is_trapped = *state != NULL;
    static const uint32_t shapes[][3] = {
        {1, 1, 1},    {16, 16, 32}, {32, 32, 64},  {33, 31, 33},   {17, 48, 30}, {64, 64, 256},
        {40, 70, 31}, {31, 33, 97}, {65, 20, 257}, {300, 40, 100}, {8, 64, 600}, {48, 8, 513},
    };
    numbers r = {1, 0};
    weir_train_cpu *one = open_tiles(1, is_trapped), *three = open_tiles(3, is_trapped);
    for (size_t s = 0; s < WEIR_COUNT(shapes); s++)
        for (int form = 0; form < 8; form++) {
            size_t n_c;
            weir_matmul op = make(&r, shapes[s][0], shapes[s][1], shapes[s][2], form, &n_c);
            check_bits(one, op, n_c);
            check_bits(three, op, n_c);
        }
    one->dev.close(&one->dev);
    three->dev.close(&three->dev);
}

/* Subnormal numbers, and values that rounding to bfloat16 makes infinite. */
static void test_ends_of_range(void **state) {
    numbers r = {2, 0};
    size_t n_c;
    weir_matmul op = make(&r, 20, 20, 40, 0, &n_c);
    float *a = copy_of(op.a, 20 * op.lda);
    a[3] = 0x1p-140f;
    a[op.lda + 5] = -0x1p-127f;
    a[2 * op.lda] = 0x1.fffffep127f;
    op.a = a;
    weir_train_cpu *cpu = open_tiles(1, *state != NULL);
    check_bits(cpu, op, n_c);
    cpu->dev.close(&cpu->dev);
}

/* A row has the same bits whatever stands around it. */
static void test_rows_alone(void **state) {
    (void)state;
    numbers r = {3, 0};
    weir_train_cpu *cpu = open_tiles(2, false);
    size_t n_c;
    weir_matmul op = make(&r, 100, 40, 300, 4, &n_c);
    float *start = copy_of(op.c, n_c);
    cpu->dev.ops.matmul(&cpu->dev, &op, 1);
    for (uint32_t first = 0; first < op.m; first += 7) {
        weir_matmul part = op;
        part.m = op.m - first < 5 ? op.m - first : 5;
        part.a = op.a + first * op.lda;
        part.c = copy_of(start + first * op.ldc, part.m * op.ldc);
        cpu->dev.ops.matmul(&cpu->dev, &part, 1);
        assert_same("rows alone", "tiles", part.c, op.c + first * op.ldc, part.m * op.ldc);
    }
    cpu->dev.close(&cpu->dev);
}

static double product_of_rounded(const weir_matmul *op, uint32_t i, uint32_t j, double *size) {
    double sum = op->is_added ? (double)op->c[i * op->ldc + j] : 0.0;
    *size = fabs(sum);
    for (uint32_t p = 0; p < op->k; p++) {
        float a = op->a_is_transposed ? op->a[p * op->lda + i] : op->a[i * op->lda + p];
        float b = op->b_is_transposed ? op->b[j * op->ldb + p] : op->b[p * op->ldb + j];
        double term = (double)weir_bf16_to_f32(weir_f32_to_bf16(a)) *
                      (double)weir_bf16_to_f32(weir_f32_to_bf16(b));
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

/* The processor's own, if it has them. */
static void test_processor(void **state) {
    const char *isa = *state, *name = strcmp(isa, "amx") == 0 ? "amx bf16" : "avx512 bf16";
    weir_error err;
    weir_trainer_device *dev[2];
    for (uint32_t i = 0; i < 2; i++) {
        weir_trainer_device_options options = {.isa = isa, .n_threads = i + 1, .no_pin = true};
        if (weir_cpu_train_open(&dev[i], &options, &err) != WEIR_STATUS_OK) {
            print_message("skipped: %s\n", err.text);
            skip();
        }
    }
    assert_string_equal(dev[0]->kernels, name);
    static const uint32_t shapes[][3] = {{33, 31, 33}, {300, 96, 513}, {64, 8, 2000}};
    numbers r = {4, 0};
    for (size_t s = 0; s < WEIR_COUNT(shapes); s++)
        for (int form = 0; form < 8; form++) {
            size_t n_c;
            weir_matmul op = make(&r, shapes[s][0], shapes[s][1], shapes[s][2], form, &n_c);
            float *one = copy_of(op.c, n_c), *two = copy_of(op.c, n_c);
            weir_matmul now = op;
            now.c = one;
            dev[0]->ops.matmul(dev[0], &now, 1);
            now.c = two;
            dev[1]->ops.matmul(dev[1], &now, 1);
            assert_same("threads", isa, two, one, n_c);
            for (uint32_t i = 0; i < op.m; i++)
                for (uint32_t j = 0; j < op.n; j++) {
                    double size, want = product_of_rounded(&op, i, j, &size);
                    assert_near("product", isa, i * op.n + j, (double)one[i * op.ldc + j], want,
                                1e-5 * size);
                }
        }
    dev[0]->close(dev[0]);
    dev[1]->close(dev[1]);
}

/* A run that asks for float32 gets it from any processor. */
static void test_exact(void **state) {
    (void)state;
    weir_trainer_device_options options = {.n_threads = 1, .is_exact = true, .no_pin = true};
    weir_trainer_device *dev;
    weir_error err;
    assert_int_equal(weir_cpu_train_open(&dev, &options, &err), WEIR_STATUS_OK);
    assert_non_null(strstr(dev->kernels, " f32"));
    dev->close(dev);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_bits, free_arrays),
        cmocka_unit_test_teardown(test_ends_of_range, free_arrays),
        cmocka_unit_test_teardown(test_rows_alone, free_arrays),
        {"test_bits amx, trapped", test_bits, NULL, free_arrays, (void *)"trapped"},
        {"test_ends_of_range amx, trapped", test_ends_of_range, NULL, free_arrays,
         (void *)"trapped"},
        {"test_processor avx512bf16", test_processor, NULL, free_arrays, (void *)"avx512bf16"},
        {"test_processor amx", test_processor, NULL, free_arrays, (void *)"amx"},
        cmocka_unit_test(test_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
