/*
 * test_plan_memory.c: the plan is what an engine takes, over a grid of options: devices, K/V types,
 * formats that are packed and such that are not, adapters, snapshots and rows for drafts.
 */
#include "train/lora_kit.h"

static weir_lora *lora;

static void check(weir_model *model, const weir_engine_options *o) {
    weir_plan plan, taken;
    REQUIRE_OK(weir_plan_make(&plan, model, o, &test_err));
    weir_engine *engine = open_engine(model, *o);
    weir_engine_memory(engine, &taken);
    assert_int_equal(plan.weight_bytes, taken.weight_bytes);
    assert_int_equal(plan.engine_bytes, taken.engine_bytes);
    assert_int_equal(plan.total_bytes, taken.total_bytes);
    assert_int_equal(plan.n_items, taken.n_items);
    uint64_t sum = 0;
    for (size_t i = 0; i < plan.n_items; i++) {
        assert_string_equal(plan.item[i].what, taken.item[i].what);
        assert_int_equal(plan.item[i].bytes, taken.item[i].bytes);
        sum += plan.item[i].bytes;
    }
    assert_int_equal(sum, plan.total_bytes);
    weir_engine_close(&engine);
}

/* Every combination of the rows for one model. */
static void grid(const char *name, bool with_lora) {
    static const char *const types[] = {"f32", "f16", "q8"};
    weir_model *model = open_golden(name);
    weir_model_info info;
    weir_model_get_info(model, &info);
    uint32_t n_types = info.head_dim % 32 == 0 ? 3 : 2; /* q8 has blocks of 32 */
    float scale = 0.5f;
    if (with_lora) {
        const char *path = in_temp("adapter.gguf");
        kit_adapter_write(model, &(kit_adapter){.rank = 4, .alpha = 8, .b = 0.3, .seed = 3}, path);
        lora = kit_lora_open(model, path);
    }
    for (uint32_t bits = 0; bits < 64; bits++) {
        weir_engine_options o = {
            .device = bits & 1 ? "reference" : "cpu",
            .activations = bits & 2 ? "f32" : "q8",
            .no_map = bits & 4,
            .n_ctx = bits & 8 ? 200 : 64,
            .n_seqs = bits & 16 ? 5 : 1,
            .kv_type = types[bits % n_types],
            .n_threads = 1 + bits % 2,
            .no_pin = true,
            .n_batch = 80,
            .loras = &lora,
            .lora_scales = &scale,
            .n_loras = with_lora,
        };
        if (bits & 32) /* as for eight drafts */
            o.n_out = 9, o.n_snapshots = 12;
        check(model, &o);
        o.n_pages = 6;
        check(model, &o);
    }
    weir_lora_close(&lora);
    weir_model_close(&model);
}

static void test_dense(void **state) {
    (void)state;
    grid("dense_untied_k4", false);
    grid("dense_tiny", true);
}

static void test_experts(void **state) {
    (void)state;
    grid("moe_k256", false);
    grid("moe_bf16", false);
    grid("moe_top2", true);
}

static void test_packed(void **state) {
    (void)state;
    grid("moe_k256:q4_0", true);
    grid("moe_k256:q6_k", false);
    grid("moe_k256:q2_k", false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense),
        cmocka_unit_test(test_experts),
        cmocka_unit_test(test_packed),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
