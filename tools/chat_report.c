/*
 * chat_report.c: what a chat can tell about itself: saved conversations, tokens, numbers.
 *
 * Changes nothing. Lines are laid out for the width that the screen has now.
 */
#include "chat_parts.h"
#include "console.h"
#include "dialog.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

void weir_dialog_print_words(FILE *to, const char *text, unsigned columns) {
    weir_text_buffer line = {0};
    bool is_cut = false;
    while (isspace((unsigned char)*text))
        text++;
    for (size_t n = strlen(text), i = 0; i < n && !is_cut;) {
        size_t n_code = 1;
        while (i + n_code < n && ((unsigned char)text[i + n_code] & 0xc0) == 0x80)
            n_code++;
        bool is_space = isspace((unsigned char)text[i]);
        weir_text_buffer_add(&line, is_space ? " " : text + i, n_code);
        i += n_code;
        if (weir_terminal_columns(line.data ? line.data : "", line.n) >= columns) {
            is_cut = i < n;
            if (is_cut)
                line.n -= n_code;
        }
    }
    if (line.data)
        weir_terminal_print(to, line.data, line.n);
    fputs(is_cut ? "…" : "", to);
    weir_text_buffer_free(&line);
}

/* ---- saved conversations ------------------------------------------------------------------ */

static void print_entry(weir_dialog *dialog, const weir_chat_entry *entry, unsigned name_columns,
                        unsigned width) {
    const char *own = weir_chat_store_name(dialog->store);
    const char *dim = weir_terminal_style(WEIR_STYLE_DIM, dialog->has_color);
    const char *plain = weir_terminal_style(WEIR_STYLE_PLAIN, dialog->has_color);
    time_t changed = (time_t)entry->changed;
    struct tm parts;
    char date[32];
    localtime_r(&changed, &parts);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M", &parts);
    bool is_own = own && strcmp(own, entry->name) == 0;
    bool is_narrow = width < name_columns + 40;
    fputs(is_own ? "* " : "  ", dialog->screen);
    weir_terminal_print(dialog->screen, entry->name, strlen(entry->name));
    unsigned columns = weir_terminal_columns(entry->name, strlen(entry->name));
    if (is_narrow)
        fprintf(dialog->screen, "\n    ");
    else
        fprintf(dialog->screen, "%*s", (int)(name_columns - columns + 2), "");
    fprintf(dialog->screen, "%s%s %3zu turn%s%s%s", dim, date, entry->n_questions,
            entry->n_questions == 1 ? "" : "s", entry->is_in_use ? ", open elsewhere" : "", plain);
    if (is_narrow)
        fprintf(dialog->screen, "\n    ");
    else
        fputs(entry->n_questions == 1 ? "   " : "  ", dialog->screen);
    unsigned used = is_narrow ? 5 : name_columns + 32 + (entry->is_in_use ? 16 : 0);
    if (!entry->words)
        fprintf(dialog->screen, "%scannot be read%s", dim, plain);
    else
        weir_dialog_print_words(dialog->screen, entry->words, width > used + 8 ? width - used : 8);
    fputc('\n', dialog->screen);
}

void weir_dialog_list(weir_dialog *dialog) {
    weir_chat_entry *entries;
    size_t n;
    weir_error err = {0};
    if (weir_chat_store_list(dialog->store, true, &entries, &n, &err) != WEIR_STATUS_OK) {
        weir_dialog_complain(dialog, &err);
        return;
    }
    unsigned widest = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned columns = weir_terminal_columns(entries[i].name, strlen(entries[i].name));
        widest = columns > widest ? columns : widest;
    }
    for (size_t i = n; i > 0; i--) /* the latest stands next to the prompt */
        print_entry(dialog, &entries[i - 1], widest, weir_terminal_width(dialog->screen));
    if (n == 0)
        weir_dialog_note(dialog, "no conversation was saved yet");
    else
        weir_dialog_note(dialog, "/load NAME goes on with one%s",
                         weir_chat_store_name(dialog->store) ? "; * is this one" : "");
    weir_chat_entries_free(entries, n);
}

/* ---- tokens ------------------------------------------------------------------------------- */

/* Where the last question begins in the conversation's text, in bytes. */
static size_t last_turn_start(const weir_conversation *conversation, const weir_prompt *prompt) {
    size_t last = weir_conversation_last_user(conversation);
    int32_t message = (int32_t)(last + (conversation->system ? 1 : 0));
    for (size_t i = 0; i < prompt->rendered.n_spans; i++)
        if (prompt->rendered.spans[i].message >= message)
            return prompt->rendered.spans[i].start;
    return 0;
}

/* 6423 'user', on one line whatever it holds. Returns the column behind it. */
static unsigned print_token(weir_dialog *dialog, int32_t token, const char *bytes, size_t n,
                            unsigned column) {
    weir_text_buffer piece = {0};
    char id[16];
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n')
            weir_text_buffer_say(&piece, "\\n");
        else
            weir_text_buffer_add(&piece, bytes + i, 1);
    }
    unsigned columns = (unsigned)snprintf(id, sizeof id, "%d", (int)token) + 5 +
                       (piece.data ? weir_terminal_columns(piece.data, piece.n) : 0);
    if (column > 0 && column + columns > weir_terminal_width(dialog->screen)) {
        fputc('\n', dialog->screen);
        column = 0;
    }
    fprintf(dialog->screen, "%s%s%s '", weir_terminal_style(WEIR_STYLE_DIM, dialog->has_color), id,
            weir_terminal_style(WEIR_STYLE_PLAIN, dialog->has_color));
    if (piece.data)
        weir_terminal_print(dialog->screen, piece.data, piece.n);
    fputs("'  ", dialog->screen);
    weir_text_buffer_free(&piece);
    return column + columns;
}

void weir_dialog_tokens(weir_dialog *dialog) {
    const weir_seq *seq = dialog->chat->seq;
    weir_prompt prompt = {0};
    weir_error err = {0};
    if (!seq) {
        weir_dialog_note(dialog, "nothing was run yet");
        return;
    }
    if (weir_chat_prompt(dialog->chat, false, &prompt, &err) != WEIR_STATUS_OK) {
        weir_dialog_complain(dialog, &err);
        return;
    }
    /* The timeline has the text of the prompt, in the tokens that the model chose. */
    size_t start = last_turn_start(weir_chat_conversation(dialog->chat), &prompt);
    const weir_tokenizer *tokenizer = weir_chat_host(dialog->chat)->tokenizer;
    size_t n_tokens = weir_seq_n_tokens(seq), first = 0, at = 0, n;
    const char *bytes;
    /* It begins with the control token before it. */
    for (size_t i = 0; i < n_tokens && at < start; i++) {
        if (weir_tokenizer_token(tokenizer, weir_seq_tokens(seq)[i], &bytes, &n) ==
            WEIR_TOKEN_CONTROL)
            first = i;
        at += n;
    }
    unsigned column = 0;
    for (size_t i = first; i < n_tokens; i++) {
        weir_tokenizer_token(tokenizer, weir_seq_tokens(seq)[i], &bytes, &n);
        column = print_token(dialog, weir_seq_tokens(seq)[i], bytes, n, column);
    }
    fputc('\n', dialog->screen);
    weir_dialog_note(dialog, "%zu tokens of the last turn, %zu of the whole conversation",
                     n_tokens - first, n_tokens);
    weir_prompt_free(&prompt);
}

/* ---- numbers ------------------------------------------------------------------------------ */

void weir_dialog_stats(weir_dialog *dialog) {
    const weir_host *host = weir_chat_host(dialog->chat);
    weir_chat_info info;
    weir_plan memory;
    char a[WEIR_GROUPED_TEXT], b[WEIR_GROUPED_TEXT], weights[WEIR_AMOUNT_TEXT],
        engine[WEIR_AMOUNT_TEXT];
    weir_chat_get_info(dialog->chat, &info);
    weir_engine_memory(host->engine, &memory);
    fputs("  model      ", dialog->screen);
    weir_terminal_print(dialog->screen, host->options.model_path, strlen(host->options.model_path));
    fputc('\n', dialog->screen);
    fprintf(dialog->screen, "  engine     %s, loaded in %.1f s\n",
            weir_engine_describe(host->engine), host->load_s);
    fprintf(dialog->screen, "  memory     %s weights, %s engine\n",
            weir_bytes_text(weights, memory.weight_bytes),
            weir_bytes_text(engine, memory.engine_bytes));
    fprintf(dialog->screen, "  context    %s of %s tokens\n", weir_grouped(a, info.n_tokens),
            weir_grouped(b, info.n_ctx));
    fprintf(dialog->screen, "  generated  %s token%s in %zu answer%s, %.1f s, %.1f tok/s\n",
            weir_grouped(a, info.n_generated), info.n_generated == 1 ? "" : "s", info.n_answers,
            info.n_answers == 1 ? "" : "s", info.generate_s,
            info.generate_s > 0 ? (double)info.n_generated / info.generate_s : 0);
    if (dialog->n_answers > 0)
        fprintf(dialog->screen,
                "  last       prompt of %s tokens, %s already known, %.2f s\n"
                "  seed       %llu\n",
                weir_grouped(a, dialog->last.n_prompt), weir_grouped(b, dialog->last.n_cached),
                dialog->last.prompt_s, (unsigned long long)dialog->last.seed);
    if (dialog->store && weir_chat_store_name(dialog->store))
        fprintf(dialog->screen, "  saved as   %s\n", weir_chat_store_name(dialog->store));
    fflush(dialog->screen);
}
