/* verb_train_run.c: `weir train run`: trains a model as a run file says. The work is
 * weir_train_run's. */
#include "base/compiler.h"
#include "console.h"
#include "interrupt.h"
#include "train_progress.h"
#include "verbs.h"
#include "weir_train.h"

#include <stddef.h>

typedef struct train_run_values {
    const char *resume_from, *out, *device, *isa;
    bool resumes, overwrite, dry_run;
    uint32_t n_threads;
    uint64_t max_steps;
    float max_seconds;
} train_run_values;

#define AT(field) offsetof(train_run_values, field)

static const weir_option options[] = {
    {"resume", 'r', WEIR_OPTION_FLAG, AT(resumes), NULL,
     "go on from the newest checkpoint of the run, exactly where it\nstopped"},
    {"resume-from", 0, WEIR_OPTION_STRING, AT(resume_from), "FILE", "go on from this checkpoint"},
    {"output", 'o', WEIR_OPTION_STRING, AT(out), "DIR",
     "folder of the run; default: the run file's \"out\""},
    {"force", 'f', WEIR_OPTION_FLAG, AT(overwrite), NULL,
     "start anew although the folder holds a run; its checkpoints go"},
    {"dry-run", 0, WEIR_OPTION_FLAG, AT(dry_run), NULL,
     "tell memory, steps and time, and do nothing else"},
    {"steps", 0, WEIR_OPTION_U64, AT(max_steps), "N",
     "save and end after N steps; --resume goes on"},
    {"time", 0, WEIR_OPTION_FLOAT, AT(max_seconds), "SECONDS",
     "save and end after this time; --resume goes on"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process. Results do "
     "not "
     "hang on it"},
    {"device", 0, WEIR_OPTION_CHOICE, AT(device), "cpu|reference",
     "default: cpu; reference: the plain C oracle, slow"},
    {"isa", 0, WEIR_OPTION_CHOICE, AT(isa), "portable|avx2|avx512|avx512bf16|amx|neon",
     "no kernels above this; default: the best"},
};

static void tell_plan(void *context, const weir_train_plan *plan) {
    char all[WEIR_AMOUNT_TEXT], active[WEIR_AMOUNT_TEXT], tokens[WEIR_AMOUNT_TEXT];
    char state[WEIR_AMOUNT_TEXT], rest[WEIR_AMOUNT_TEXT], unique[WEIR_AMOUNT_TEXT];
    char time[WEIR_TIME_TEXT];
    (void)context;
    weir_say("model: %s parameters, %s active", weir_count_text(all, plan->n_params),
             weir_count_text(active, plan->n_params_active));
    weir_say("memory: %s for parameters, gradients and moments, %s for activations",
             weir_bytes_text(state, plan->state_bytes),
             weir_bytes_text(rest, plan->activation_bytes));
    weir_say("data: %s tokens in %llu steps%s%s%s", weir_count_text(tokens, plan->n_tokens),
             (unsigned long long)plan->n_steps, plan->n_tokens_unique ? ", of " : "",
             plan->n_tokens_unique ? weir_count_text(unique, plan->n_tokens_unique) : "",
             plan->n_tokens_unique ? " different ones" : "");
    if (plan->peak_flops_per_s > 0)
        weir_say("time: %s at a third of the %.0f GFLOP/s that products reach here",
                 weir_time_text(time, 3 * plan->flops / plan->peak_flops_per_s),
                 plan->peak_flops_per_s / 1e9);
}

static int run(const weir_parsed *parsed) {
    const train_run_values *values = parsed->values;
    weir_error err = {0};
    weir_train_progress progress;
    if ((values->resumes || values->resume_from) && values->overwrite) {
        weir_say("weir train run: --resume and --force exclude each other");
        return WEIR_EXIT_USAGE;
    }
    if (values->max_seconds < 0) {
        weir_say("weir train run: --time: expected a number of seconds, got %g",
                 (double)values->max_seconds);
        return WEIR_EXIT_USAGE;
    }
    if (weir_option_given_zero(parsed, "steps") || weir_option_given_zero(parsed, "time")) {
        weir_say("weir train run: --%s 0: expected a positive number",
                 weir_option_given_zero(parsed, "steps") ? "steps" : "time");
        return WEIR_EXIT_USAGE;
    }
    weir_interrupt_with_care(NULL);
    weir_train_progress_open(&progress);
    weir_train_options train = {
        .resume = values->resume_from ? values->resume_from
                  : values->resumes   ? "latest"
                                      : NULL,
        .out = values->out,
        .device = values->device,
        .isa = values->isa,
        .n_threads = values->n_threads,
        .max_steps = values->max_steps,
        .max_seconds = (double)values->max_seconds,
        .overwrite = values->overwrite,
        .dry_run = values->dry_run,
        .on_plan = tell_plan,
        .on_step = weir_train_progress_step,
        .on_sample = weir_train_progress_sample,
        .on_note = weir_train_progress_note,
        .on_packing = weir_train_progress_packing,
        .wants_stop = weir_train_progress_stop,
        .context = &progress,
    };
    weir_status status = weir_train_run(parsed->operands[0], &train, &err);
    weir_train_progress_close(&progress);
    return weir_tell_failure("train run", status, &err);
}

const weir_verb weir_verb_train_run = {
    .name = "train run",
    .summary = "Trains a model as a run file says",
    .operands = "RUN.json",
    .n_operands_min = 1,
    .n_operands_max = 1,
    .details =
        "The run file names the model's form, the data and everything else (docs/train.md). Into "
        "the\n"
        "folder of the run come checkpoints, log.jsonl, loss.svg and at the end model/, a Hugging\n"
        "Face folder. Interrupted, a run finishes its step, saves and ends.\n"
        "\n"
        "  weir train run nano.json --dry-run\n"
        "  weir train run nano.json\n"
        "  weir train run nano.json --resume\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(train_run_values),
    .run = run,
};
