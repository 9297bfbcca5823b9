/* job.c: a job's memory. */
#include "job.h"

#include <stdlib.h>

void weir_job_free(weir_job *job) {
    for (size_t i = 0; i < job->n_prompts; i++)
        weir_prompt_free(&job->prompt[i]);
    free(job->prompt);
    weir_settings_free(&job->settings);
    free(job->bias);
    free(job->stop_tokens);
    weir_tools_free(&job->tools);
    free(job->lora_scales);
    weir_grammar_close(&job->grammar);
    *job = (weir_job){0};
}
