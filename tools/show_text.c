/*
 * show_text.c: `weir show` for the eye.
 *
 * Owns the layout only. What comes from the file (names, keys, values) is printed with its control
 * characters made visible, because a file may hold anything.
 */
#include "base/compiler.h"
#include "console.h"
#include "eval_quality_meta.h"
#include "show.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void print_foreign(const char *text) {
    weir_print_text(stdout, text, strlen(text));
}

static void print_summary(const weir_show *show) {
    const weir_model_info *info = &show->info;
    char a[WEIR_AMOUNT_TEXT], b[WEIR_AMOUNT_TEXT];
    printf("file        ");
    print_foreign(show->path);
    printf("\nname        ");
    print_foreign(info->name);
    printf("\nmodel       %s, %s, %s of weights\n", info->arch, info->file_type,
           weir_bytes_text(a, info->weight_bytes));
    printf("parameters  %s (%" PRIu64 ")", weir_count_text(a, info->n_params), info->n_params);
    if (info->n_params_active != info->n_params)
        printf(", %s met by one token", weir_count_text(b, info->n_params_active));
    printf("\nlayers      %u: %s\n", info->n_layers, show->layers);
    printf("            %u convolution (c, %u taps), %u attention (a)\n", info->n_layers_conv,
           info->l_cache, info->n_layers_attn);
    if (info->n_experts > 0)
        printf("            the first %u dense, %u with %u experts of which %u are used\n",
               info->n_layers_dense, info->n_layers - info->n_layers_dense, info->n_experts,
               info->n_experts_used);
    printf("widths      model %u, feed-forward %u", info->d_model, info->d_ff);
    if (info->n_experts > 0)
        printf(", expert %u", info->d_ff_expert);
    printf("; %u heads and %u K/V heads of %u\n", info->n_heads, info->n_heads_kv, info->head_dim);
    printf("tokens      %u, context %u; bos %d, eos %d, pad %d; head %s\n", info->n_vocab,
           info->n_ctx, info->bos, info->eos, info->pad,
           info->is_tied ? "tied to the embedding" : "of its own");
    printf("formats     ");
    for (size_t i = 0; i < show->n_types; i++)
        printf("%s%s: %" PRIu64 " tensors, %s", i ? "; " : "", show->type[i].name,
               show->type[i].n_tensors, weir_bytes_text(a, show->type[i].bytes));
    printf("\nrewind      replays %u tokens\n", info->replay_window);
}

/* The file of `weir pack`, if there is one. */
static void print_packed(const weir_show *show) {
    char bytes[WEIR_AMOUNT_TEXT];
    weir_packed_info info;
    if (!show->packed.path)
        return;
    printf("packed      ");
    if (!show->packed.packed) {
        printf("not used: ");
        print_foreign(show->packed.trouble.text);
        putchar('\n');
        return;
    }
    weir_packed_get_info(show->packed.packed, &info);
    print_foreign(info.path);
    printf(", %s, fits\n", weir_bytes_text(bytes, info.file_bytes));
}

/* What it lost against the model it was made from, as far as that was measured. */
static void print_quality(const weir_show *show) {
    weir_quality q;
    if (!weir_eval_quality_find(&q, show->model))
        return;
    const struct {
        const char *before;
        double value;
        const char *behind;
    } numbers[] = {
        {"KL mean ", q.kl_mean, " nats/token"},      {", 99.9 % below ", q.kl_p999, ""},
        {"; same first token ", 100 * q.top1, " %"}, {", among five ", 100 * q.top5, " %"},
        {"; same experts ", 100 * q.experts, " %"},  {"; perplexity ", q.perplexity, ""},
        {" (base ", q.perplexity_base, ")"},
    };
    printf("quality     ");
    for (size_t i = 0; i < WEIR_COUNT(numbers); i++)
        if (isfinite(numbers[i].value))
            printf("%s%.4g%s", numbers[i].before, numbers[i].value, numbers[i].behind);
    printf("\n            measured on %" PRIu64 " tokens of a text with the xxh128 %s\n",
           q.n_tokens, *q.corpus ? q.corpus : "unknown");
}

/* ---- how it reads and talks --------------------------------------------------------------- */

static void print_id(const weir_tokenizer *tokenizer, const char *name, int32_t id) {
    const char *bytes;
    size_t n;
    if (id < 0) {
        printf("no %s", name);
        return;
    }
    weir_tokenizer_token(tokenizer, id, &bytes, &n);
    printf("%s %d ", name, id);
    weir_print_text(stdout, bytes, n);
}

static void print_tokenizer(const weir_show_language *l) {
    const weir_tokenizer_info *info = &l->info;
    printf("tokenizer   %zu normal tokens, %zu control, %zu user-defined, %zu unused; %zu merges\n",
           info->n_normal, info->n_control, info->n_user_defined, info->n_unused, info->n_merges);
    printf("            ");
    print_id(l->tokenizer, "bos", info->bos);
    printf("%s, ", info->add_bos ? " before every text" : "");
    print_id(l->tokenizer, "eos", info->eos);
    printf("%s, ", info->add_eos ? " behind every text" : "");
    print_id(l->tokenizer, "pad", info->pad);
    printf("\n            %s\n", info->ignore_merges ? "a piece that is a token is taken whole"
                                                     : "every piece is merged from its bytes");
    printf("split       ");
    print_foreign(info->split);
    printf("\n            (%s)\n", info->split_from_file
                                       ? "as the file says"
                                       : "the family's: the file has none of its own");
}

static void print_abilities(const weir_show_template *t) {
    const struct {
        bool has_it;
        const char *text;
    } abilities[] = {
        {t->takes_system, "system prompt"},
        {t->takes_tools, "tools"},
        {t->takes_calls, "tool calls"},
        {t->takes_results, "tool results"},
    };
    printf("takes ");
    const char *between = "";
    for (size_t i = 0; i < WEIR_COUNT(abilities); i++)
        if (abilities[i].has_it) {
            printf("%s%s", between, abilities[i].text);
            between = ", ";
        }
    printf("%s", *between ? "" : "messages only");
    if (t->opens_thinking)
        printf("; answers begin with thinking");
    if (t->drops_thinking)
        printf("; drops past thinking");
    for (size_t i = 0; i < t->n_switches; i++)
        printf("%s%s", i == 0 ? "; knows " : ", ", t->switch_name[i]);
    putchar('\n');
}

static void print_templates(const weir_show_language *l) {
    if (l->info.n_templates == 0)
        printf("template    none: it completes plain text\n");
    for (size_t i = 0; i < l->info.n_templates; i++) {
        const weir_show_template *t = &l->templates[i];
        printf("template    ");
        print_foreign(*t->name ? t->name : "default");
        printf(", %zu bytes: ", t->n);
        if (!*t->trouble) {
            print_abilities(t);
            continue;
        }
        printf("cannot be run: ");
        print_foreign(t->trouble);
        putchar('\n');
    }
    printf("marks       tool calls %s, thinking %s\n",
           l->call_mark >= 0 ? "<|tool_call_start|>" : "none",
           l->think_mark >= 0 ? "<think>" : "as plain text, if at all");
}

static void print_sampling(const weir_show_language *l) {
    const weir_sampling *s = &l->sampling;
    printf("sampling    ");
    if (s->temperature > 0)
        printf("temperature %g", (double)s->temperature);
    else
        printf("always the likeliest token");
    if (s->top_k > 0)
        printf(", top-k %u", s->top_k);
    if (s->top_p < 1)
        printf(", top-p %g", (double)s->top_p);
    if (s->min_p > 0)
        printf(", min-p %g", (double)s->min_p);
    if (s->repetition_penalty > 1 || s->repetition_penalty < 1)
        printf(", repetition penalty %g", (double)s->repetition_penalty);
    printf(" (%s)\n", l->sampling_source);
}

static void print_language(const weir_show_language *l) {
    if (l->tokenizer) {
        print_tokenizer(l);
        print_templates(l);
    } else {
        printf("tokenizer   none that can be used: ");
        print_foreign(l->trouble);
        putchar('\n');
    }
    print_sampling(l);
}

/* ---- what it takes, what it holds --------------------------------------------------------- */

/* One column a context, one row an item. */
static void print_memory(const weir_show *show) {
    char text[WEIR_AMOUNT_TEXT];
    if (show->n_plans == 0)
        return;
    const weir_plan *first = &show->plan[0];
    printf("\nmemory with %u timeline%s, K/V %s, %u threads, by context:\n%-18s", first->n_seqs,
           first->n_seqs == 1 ? "" : "s", show->kv_type, first->n_threads, "");
    for (size_t i = 0; i < show->n_plans; i++)
        printf("%12u", show->plan[i].n_ctx);
    for (size_t item = 0; item < first->n_items; item++) {
        printf("\n  %-16s", first->item[item].what);
        for (size_t i = 0; i < show->n_plans; i++)
            printf("%12s", weir_bytes_text(text, show->plan[i].item[item].bytes));
    }
    printf("\n  %-16s", "total");
    for (size_t i = 0; i < show->n_plans; i++)
        printf("%12s", weir_bytes_text(text, show->plan[i].total_bytes));
    putchar('\n');
}

static void print_metadata(const weir_show *show) {
    printf("\nmetadata\n");
    for (size_t i = 0; i < weir_model_n_meta(show->model); i++) {
        const char *key, *type;
        size_t n;
        char *value = weir_show_meta(show->model, i, &key, &type, &n);
        printf("  ");
        print_foreign(key);
        printf(" (%s) = ", type);
        if (value)
            weir_print_text(stdout, value, n);
        putchar('\n');
        free(value);
    }
}

static void print_tensors(const weir_show *show) {
    printf("\ntensors\n");
    for (size_t i = 0; i < weir_model_n_tensors(show->model); i++) {
        weir_tensor_info tensor;
        char bytes[WEIR_AMOUNT_TEXT];
        weir_model_tensor(show->model, i, &tensor);
        printf("  %-6s %10s at %12" PRIu64 "  ", tensor.type, weir_bytes_text(bytes, tensor.bytes),
               tensor.file_offset);
        print_foreign(tensor.name);
        for (uint32_t dim = 0; dim < tensor.n_dims; dim++)
            printf("%s%" PRIu64, dim ? ", " : " [", tensor.shape[dim]);
        printf("%s\n", tensor.n_dims ? "]" : "");
    }
}

static void print_check(const weir_show *show) {
    putchar('\n');
    for (size_t i = 0; i < weir_model_n_tensors(show->model); i++) {
        const weir_show_check *check = &show->check[i];
        if (check->n_nan == 0 && check->n_inf == 0)
            continue;
        weir_tensor_info tensor;
        weir_model_tensor(show->model, i, &tensor);
        print_foreign(tensor.name);
        printf(": %" PRIu64 " NaN, %" PRIu64 " infinite\n", check->n_nan, check->n_inf);
    }
    printf("checked %zu tensors, %zu with values that are not finite\n",
           weir_model_n_tensors(show->model), show->n_bad);
}

void weir_show_as_text(const weir_show *show) {
    print_summary(show);
    print_packed(show);
    print_quality(show);
    print_language(&show->language);
    print_memory(show);
    if (show->wants_metadata)
        print_metadata(show);
    if (show->wants_tensors)
        print_tensors(show);
    if (show->check)
        print_check(show);
}
