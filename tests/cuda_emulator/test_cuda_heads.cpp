/*
 * test_cuda_heads.cpp: the launch that norms, rotates and stores heads, against the five launches
 * that it stands for, bit by bit: every type, every width, few rows and many, replayed ones, pages
 * in any order.
 */
#include "cuda/flash_cuda.h"

#include "cuda_test.h"
extern "C" {
#include "backend/kv_layout.h"
}

enum { N_PAGES = 4, MOST_ROWS = 80 };

static void test_case(weir_kv_type type, uint32_t n_heads, uint32_t n_kv, uint32_t d,
                      uint32_t n_rows, uint32_t n_replay) {
    char name[64];
    size_t vector_bytes = type == WEIR_KV_Q8 ? d / 32 * 34 : d * (type == WEIR_KV_F32 ? 4 : 2);
    size_t head_bytes = WEIR_PAGE_TOKENS * vector_bytes, page_bytes = 2 * (n_kv + 1) * head_bytes;
    gpu_buffer<uint8_t> pool(N_PAGES * page_bytes), pool_one(N_PAGES * page_bytes);
    gpu_buffer<weir_cuda_rows> chunks(2);
    gpu_buffer<uint32_t> chunk_of_row(n_rows), pos(n_rows), pages(N_PAGES);
    gpu_buffer<double> inverse_freq(d / 2);
    gpu_buffer<float> q((size_t)n_rows * n_heads * d), k((size_t)n_rows * n_kv * d), v(k.n),
        q_norm(d), k_norm(d), q_one(q.n), k_one(k.n);
    snprintf(name, sizeof name, "%s %u+%u x %u, %u rows", weir_kv_type_name(type), n_heads, n_kv, d,
             n_rows);
    const uint32_t list[N_PAGES] = {2, 0, 3, 1};
    memcpy(pages.p, list, sizeof list);
    /* two chunks: the second on the last page, so that its first row has a far position */
    uint32_t n_first = n_rows > 2 ? n_rows - 2 : n_rows;
    chunks[0] = {};
    chunks[0].n_rows = n_first;
    chunks[0].n_replay = n_replay;
    chunks[0].first_pos = 50;
    chunks[1] = {};
    chunks[1].first_row = n_first;
    chunks[1].n_rows = n_rows - n_first;
    chunks[1].first_pos = 250;
    for (uint32_t r = 0; r < n_rows; r++) {
        chunk_of_row[r] = r >= n_first;
        pos[r] = r < n_first ? 50 + r : 250 + r - n_first;
    }
    for (uint32_t j = 0; j < d / 2; j++)
        inverse_freq[j] = (float)pow(1e6, -2.0 * j / d);
    test_fill(q);
    test_fill(k);
    test_fill(v);
    test_fill(q_norm);
    test_fill(k_norm);
    memcpy(q_one.p, q.p, q.n * sizeof(float));
    memcpy(k_one.p, k.p, k.n * sizeof(float));

    weir_cuda_batch batch = {};
    batch.n_rows = n_rows;
    batch.n_chunks = n_rows > n_first ? 2 : 1;
    batch.chunks = chunks.p;
    batch.chunk_of_row = chunk_of_row.p;
    batch.pos = pos.p;
    batch.pages = pages.p;
    weir_cuda_kv kv = {};
    kv.pool = pool.p;
    kv.page_bytes = page_bytes;
    kv.type = type;
    kv.page_tokens = WEIR_PAGE_TOKENS;
    kv.k_at = 2 * head_bytes;
    kv.v_at = (2 + n_kv) * head_bytes;
    kv.head_stride = head_bytes;
    kv.token_stride = vector_bytes;
    kv.n_heads_kv = n_kv;
    kv.head_dim = d;
    weir_cuda_heads op = {};
    op.q = q.p;
    op.k = k.p;
    op.v = v.p;
    op.q_norm = q_norm.p;
    op.k_norm = k_norm.p;
    op.inverse_freq = inverse_freq.p;
    op.norm_eps = 1e-5f;
    op.n_heads = n_heads;
    weir_cuda_run_heads(nullptr, &batch, &kv, &op);

    kv.pool = pool_one.p;
    weir_cuda_run_rms_norm(nullptr, q_one.p, q_norm.p, n_rows * n_heads, d, op.norm_eps, q_one.p);
    weir_cuda_run_rms_norm(nullptr, k_one.p, k_norm.p, n_rows * n_kv, d, op.norm_eps, k_one.p);
    weir_cuda_run_rope(nullptr, q_one.p, pos.p, inverse_freq.p, n_rows, n_heads, d);
    weir_cuda_run_rope(nullptr, k_one.p, pos.p, inverse_freq.p, n_rows, n_kv, d);
    weir_cuda_run_kv_write(nullptr, &batch, &kv, k_one.p, v.p);
    finish();
    check(same_bits(q.p, q_one.p, q.n), "queries", name);
    check(memcmp(pool.p, pool_one.p, pool.n) == 0, "pages", name);
    uint32_t n_written = 0;
    for (size_t i = 0; i < pool.n; i++)
        n_written += pool[i] != 0xff;
    check((n_written > 0) == (n_replay < n_rows), "something written", name);
}

int main(int argc, char **argv) {
    test_begin(argc, argv);
    for (weir_kv_type type : {WEIR_KV_F32, WEIR_KV_F16, WEIR_KV_Q8}) {
        test_case(type, 8, 2, 64, 1, 0);
        test_case(type, 4, 1, 64, 70, 5);
        test_case(type, 5, 3, 128, 6, 2);
        test_case(type, 2, 1, 256, 3, 0);
        test_case(type, 3, 1, 96, 4, 1); /* one step after another */
    }
    test_case(WEIR_KV_F16, 2, 1, 64, 2, 2);
    test_case(WEIR_KV_F16, 24, 4, 64, 2, 0); /* several blocks a row */
    return test_end();
}
