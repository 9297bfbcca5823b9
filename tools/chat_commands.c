/*
 * chat_commands.c: what begins with a slash.
 *
 * One table gives each command its name, its argument, its line of help and its function; the help,
 * the completion and the search for what an unknown command may have meant are made of it.
 */
#include "base/error.h"
#include "base/file.h"
#include "dialog.h"

#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static weir_conversation *conversation_of(weir_dialog *dialog) {
    return weir_chat_conversation(dialog->chat);
}

static void complain(weir_dialog *dialog, const char *format, ...) WEIR_PRINTF(2, 3);

static void complain(weir_dialog *dialog, const char *format, ...) {
    weir_error err = {0};
    va_list args;
    va_start(args, format);
    vsnprintf(err.text, sizeof err.text, format, args);
    va_end(args);
    weir_dialog_complain(dialog, &err);
}

/* ---- conversations ------------------------------------------------------------------------ */

static bool has_store(weir_dialog *dialog) {
    if (!dialog->store)
        complain(dialog, "there is no place for conversations; a path with a slash works");
    return dialog->store != NULL;
}

static bool is_empty(weir_dialog *dialog, const char *what) {
    if (conversation_of(dialog)->n_messages > 0)
        return false;
    weir_dialog_note(dialog, "nothing was said yet that could be %s", what);
    return true;
}

/* Which name a conversation is to be kept under: the one that was given, or one made of its first
 * words. False: told why not. */
static bool choose_name(weir_dialog *dialog, const char *given, bool may_replace,
                        char name[WEIR_CHAT_NAME_BYTES + 1]) {
    weir_error err = {0};
    const char *own = weir_chat_store_name(dialog->store);
    if (!given[0] && own && !weir_chat_name_is_automatic(own)) {
        given = own;
    } else if (!given[0]) {
        weir_chat_store_suggest(dialog->store, conversation_of(dialog), name);
        return true;
    }
    if (weir_chat_name_check(given, &err) != WEIR_STATUS_OK) {
        weir_dialog_complain(dialog, &err);
        return false;
    }
    bool is_own = own && strcmp(own, given) == 0;
    if (!is_own && !may_replace && weir_chat_store_exists(dialog->store, given)) {
        complain(dialog, "there is a conversation '%s' already; /save --replace %s replaces it",
                 given, given);
        return false;
    }
    snprintf(name, WEIR_CHAT_NAME_BYTES + 1, "%s", given);
    return true;
}

/* The conversation is called so from now on; an automatic name is given up. */
static weir_status rename_to(weir_dialog *dialog, const char *name, weir_error *err) {
    weir_error no_state;
    char *before = NULL;
    if (weir_chat_store_name(dialog->store) &&
        !(before = strdup(weir_chat_store_name(dialog->store))))
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the name of a conversation");
    weir_status status = weir_chat_store_begin(dialog->store, name, err);
    if (status != WEIR_STATUS_OK) {
        free(before);
        return status;
    }
    status = weir_chat_store_save(dialog->store, dialog->chat, true, &no_state, err);
    if (status == WEIR_STATUS_OK) {
        weir_dialog_tell_no_state(dialog, &no_state);
        if (before && weir_chat_name_is_automatic(before) && strcmp(before, name) != 0)
            weir_chat_store_remove(dialog->store, before);
    } else {
        weir_chat_store_end(dialog->store); /* the name before holds what was saved last */
        if (before)
            weir_chat_store_begin(dialog->store, before, NULL);
    }
    free(before);
    return status;
}

/* Another conversation of that name, or this one as it is now. */
static weir_status keep_as(weir_dialog *dialog, const char *name, weir_error *err) {
    const char *own = weir_chat_store_name(dialog->store);
    weir_error no_state;
    if (own && strcmp(own, name) == 0)
        WEIR_TRY(weir_chat_store_save(dialog->store, dialog->chat, true, &no_state, err));
    else
        WEIR_TRY(weir_chat_store_save_as(dialog->store, dialog->chat, name, &no_state, err));
    weir_dialog_tell_no_state(dialog, &no_state);
    return WEIR_STATUS_OK;
}

static weir_command_result save(weir_dialog *dialog, const char *argument) {
    static const char replace[] = "--replace";
    char name[WEIR_CHAT_NAME_BYTES + 1];
    weir_error err = {0};
    bool may_replace = strncmp(argument, replace, sizeof replace - 1) == 0;
    if (may_replace)
        argument += sizeof replace - 1 + strspn(argument + sizeof replace - 1, " ");
    if (is_empty(dialog, "saved"))
        return WEIR_COMMAND_DONE;
    if (strchr(argument, '/')) {
        if (weir_chat_write_file(dialog->chat, argument, &err) != WEIR_STATUS_OK)
            weir_dialog_complain(dialog, &err);
        else
            weir_dialog_note(dialog, "written to %s", argument);
        return WEIR_COMMAND_DONE;
    }
    if (!has_store(dialog))
        return WEIR_COMMAND_DONE;
    if (!choose_name(dialog, argument, may_replace, name))
        return WEIR_COMMAND_DONE;
    weir_status status =
        dialog->options->no_autosave ? keep_as(dialog, name, &err) : rename_to(dialog, name, &err);
    if (status != WEIR_STATUS_OK)
        weir_dialog_complain(dialog, &err);
    else if (dialog->options->no_autosave)
        weir_dialog_note(dialog, "saved as %s, as it is now", name);
    else
        weir_dialog_note(dialog, "saved as %s; what follows is saved there too", name);
    return WEIR_COMMAND_DONE;
}

static weir_command_result fork_off(weir_dialog *dialog, const char *argument) {
    char name[WEIR_CHAT_NAME_BYTES + 1];
    weir_error err = {0};
    if (is_empty(dialog, "kept") || !has_store(dialog))
        return WEIR_COMMAND_DONE;
    if (!choose_name(dialog, argument, false, name))
        return WEIR_COMMAND_DONE;
    const char *own = weir_chat_store_name(dialog->store);
    weir_status status;
    /* An automatic name is given up for the one that is kept; the copy takes a new one. */
    if (dialog->options->no_autosave || (own && !weir_chat_name_is_automatic(own)))
        status = keep_as(dialog, name, &err);
    else
        status = rename_to(dialog, name, &err);
    if (status == WEIR_STATUS_OK && !dialog->options->no_autosave)
        status = weir_chat_store_begin(dialog->store, NULL, &err);
    if (status != WEIR_STATUS_OK) {
        weir_dialog_complain(dialog, &err);
        return WEIR_COMMAND_DONE;
    }
    dialog->n_tokens_saved = 0;
    weir_dialog_autosave(dialog, false);
    weir_dialog_note(dialog, "kept as %s; this goes on as a copy, /load %s goes back", name, name);
    return WEIR_COMMAND_DONE;
}

static weir_status load_named(weir_dialog *dialog, const char *name, weir_error *err) {
    if (dialog->options->no_autosave) {
        WEIR_TRY(weir_chat_store_load(dialog->store, dialog->chat, name, err));
        weir_chat_store_end(dialog->store);
        return WEIR_STATUS_OK;
    }
    weir_error no_lock;
    WEIR_TRY(weir_chat_store_resume(dialog->store, dialog->chat, name, &no_lock, err));
    if (no_lock.status != WEIR_STATUS_OK)
        weir_dialog_note(dialog, "%s; this goes on as a copy", no_lock.text);
    return WEIR_STATUS_OK;
}

weir_status weir_dialog_load(weir_dialog *dialog, const char *name, weir_error *err) {
    weir_chat_info info;
    weir_model_info model;
    if (strchr(name, '/')) {
        WEIR_TRY(weir_chat_read_file(dialog->chat, name, err));
        if (dialog->store)
            weir_chat_store_end(dialog->store); /* the file itself is not written again */
    } else if (dialog->store) {
        WEIR_TRY(load_named(dialog, name, err));
    } else {
        return weir_fail(err, WEIR_STATUS_IO, "there is no place for conversations");
    }
    weir_chat_get_info(dialog->chat, &info);
    dialog->n_tokens_saved = info.n_tokens;
    dialog->n_answers = 0;
    const char *spoken_with = conversation_of(dialog)->model_name;
    weir_model_get_info(weir_chat_host(dialog->chat)->model, &model);
    if (spoken_with && strcmp(spoken_with, model.name) != 0)
        weir_dialog_note(dialog, "its answers came from another model, %s", spoken_with);
    if (dialog->options->apply_flags)
        WEIR_TRY(dialog->options->apply_flags(dialog->options->context, dialog->chat, err));
    weir_dialog_show_end(dialog);
    return WEIR_STATUS_OK;
}

static weir_command_result load(weir_dialog *dialog, const char *argument) {
    weir_error err = {0};
    weir_dialog_autosave(dialog, true);
    if (weir_dialog_load(dialog, argument, &err) != WEIR_STATUS_OK)
        weir_dialog_complain(dialog, &err);
    return WEIR_COMMAND_DONE;
}

/* ---- this conversation -------------------------------------------------------------------- */

static weir_command_result clear(weir_dialog *dialog, const char *argument) {
    (void)argument;
    weir_dialog_autosave(dialog, true);
    const char *name = dialog->store ? weir_chat_store_name(dialog->store) : NULL;
    if (name)
        weir_dialog_note(dialog, "a new conversation; /load %s goes back", name);
    else
        weir_dialog_note(dialog, "a new conversation");
    weir_chat_clear(dialog->chat);
    if (dialog->store)
        weir_chat_store_end(dialog->store);
    dialog->n_tokens_saved = 0;
    dialog->n_answers = 0;
    return WEIR_COMMAND_DONE;
}

static weir_command_result undo(weir_dialog *dialog, const char *argument) {
    (void)argument;
    const weir_conversation *conversation = conversation_of(dialog);
    size_t last = weir_conversation_last_user(conversation);
    if (last == conversation->n_messages) {
        weir_dialog_note(dialog, "there is no question to take back");
        return WEIR_COMMAND_DONE;
    }
    const char *dim = weir_terminal_style(WEIR_STYLE_DIM, dialog->has_color);
    fprintf(dialog->screen, "%staken back: ", dim);
    unsigned width = weir_terminal_width(dialog->screen);
    weir_dialog_print_words(dialog->screen, conversation->message[last].content,
                            width > 24 ? width - 13 : 12);
    fprintf(dialog->screen, "%s\n", weir_terminal_style(WEIR_STYLE_PLAIN, dialog->has_color));
    fflush(dialog->screen);
    weir_chat_undo(dialog->chat);
    weir_dialog_autosave(dialog, false);
    return WEIR_COMMAND_DONE;
}

static weir_command_result retry(weir_dialog *dialog, const char *argument) {
    (void)argument;
    if (weir_chat_retry(dialog->chat))
        return WEIR_COMMAND_ANSWER;
    weir_dialog_note(dialog, "there is no question to answer again");
    return WEIR_COMMAND_DONE;
}

static weir_command_result set_system(weir_dialog *dialog, const char *argument) {
    const weir_conversation *conversation = conversation_of(dialog);
    weir_error err = {0};
    if (!argument[0]) {
        if (!conversation->system) {
            weir_dialog_note(dialog, "there is no system prompt");
            return WEIR_COMMAND_DONE;
        }
        weir_terminal_print(dialog->screen, conversation->system, conversation->n_system);
        fputc('\n', dialog->screen);
        fflush(dialog->screen);
        return WEIR_COMMAND_DONE;
    }
    bool is_off = strcmp(argument, "off") == 0;
    if (weir_chat_set_system(dialog->chat, is_off ? NULL : argument, is_off ? 0 : strlen(argument),
                             &err) != WEIR_STATUS_OK) {
        weir_dialog_complain(dialog, &err);
        return WEIR_COMMAND_DONE;
    }
    weir_dialog_note(dialog, is_off ? "no system prompt; the conversation is read again without it"
                                    : "it holds for the whole conversation from its beginning");
    weir_dialog_autosave(dialog, false);
    return WEIR_COMMAND_DONE;
}

/* ---- settings ----------------------------------------------------------------------------- */

static void print_setting(weir_dialog *dialog, const char *name, int name_columns) {
    weir_text_buffer value = {0};
    weir_settings_say(&conversation_of(dialog)->settings, name, &value);
    fprintf(dialog->screen, "  %s%-*s%s ", weir_terminal_style(WEIR_STYLE_DIM, dialog->has_color),
            name_columns, name, weir_terminal_style(WEIR_STYLE_PLAIN, dialog->has_color));
    weir_terminal_print(dialog->screen, value.data ? value.data : "", value.n);
    fputc('\n', dialog->screen);
    fflush(dialog->screen);
    weir_text_buffer_free(&value);
}

static bool is_setting(const char *name) {
    for (const char *const *each = weir_setting_names; *each; each++)
        if (strcmp(*each, name) == 0)
            return true;
    return false;
}

static weir_command_result set(weir_dialog *dialog, const char *argument) {
    int widest = 0;
    for (const char *const *each = weir_setting_names; *each; each++)
        widest = (int)strlen(*each) > widest ? (int)strlen(*each) : widest;
    if (!argument[0]) {
        for (const char *const *each = weir_setting_names; *each; each++)
            print_setting(dialog, *each, widest);
        return WEIR_COMMAND_DONE;
    }
    size_t n_name = strcspn(argument, " \t=");
    char *name = weir_text_copy(argument, n_name);
    if (!name)
        return WEIR_COMMAND_DONE;
    const char *value = argument + n_name + strspn(argument + n_name, " \t=");
    weir_error err = {0};
    bool is_emptied = strcmp(value, "\"\"") == 0; /* as a shell would have it */
    if (!argument[n_name] && is_setting(name))
        print_setting(dialog, name, (int)n_name);
    else if (weir_settings_set(&conversation_of(dialog)->settings, name, is_emptied ? "" : value,
                               &err) != WEIR_STATUS_OK)
        weir_dialog_complain(dialog, &err);
    else
        print_setting(dialog, name, (int)n_name);
    free(name);
    return WEIR_COMMAND_DONE;
}

static weir_command_result think(weir_dialog *dialog, const char *argument) {
    weir_error err = {0};
    if (argument[0] && weir_settings_set(&conversation_of(dialog)->settings, "think", argument,
                                         &err) != WEIR_STATUS_OK)
        weir_dialog_complain(dialog, &err);
    else
        print_setting(dialog, "think", 5);
    return WEIR_COMMAND_DONE;
}

static weir_command_result tools(weir_dialog *dialog, const char *argument) {
    weir_tools *now = &conversation_of(dialog)->tools;
    weir_error err = {0};
    if (strcmp(argument, "off") == 0) {
        weir_tools_free(now);
    } else if (argument[0]) {
        weir_tools read = {0};
        if (weir_tools_read(&read, argument, &err) != WEIR_STATUS_OK) {
            weir_dialog_complain(dialog, &err);
            return WEIR_COMMAND_DONE;
        }
        weir_tools_free(now);
        *now = read;
    }
    if (now->n_names == 0)
        weir_dialog_note(dialog, "the model is offered no tools");
    for (size_t i = 0; i < now->n_names; i++) {
        fputs("  ", dialog->screen);
        weir_terminal_print(dialog->screen, now->names[i], strlen(now->names[i]));
        fputc('\n', dialog->screen);
    }
    if (now->n_names > 0 && !weir_chat_host(dialog->chat)->form.renders_tools)
        weir_dialog_note(dialog, "the model's chat template does not mention tools: it will not "
                                 "know of them");
    fflush(dialog->screen);
    return WEIR_COMMAND_DONE;
}

/* ---- what can be told ---------------------------------------------------------------------- */

static weir_command_result show_list(weir_dialog *dialog, const char *argument) {
    (void)argument;
    if (has_store(dialog))
        weir_dialog_list(dialog);
    return WEIR_COMMAND_DONE;
}

static weir_command_result show_tokens(weir_dialog *dialog, const char *argument) {
    (void)argument;
    if (!is_empty(dialog, "shown"))
        weir_dialog_tokens(dialog);
    return WEIR_COMMAND_DONE;
}

static weir_command_result show_stats(weir_dialog *dialog, const char *argument) {
    (void)argument;
    weir_dialog_stats(dialog);
    return WEIR_COMMAND_DONE;
}

/* ---- the table ---------------------------------------------------------------------------- */

static weir_command_result help(weir_dialog *dialog, const char *argument);

static weir_command_result quit(weir_dialog *dialog, const char *argument) {
    (void)dialog;
    (void)argument;
    return WEIR_COMMAND_LEAVE;
}

typedef enum argument_kind {
    ARGUMENT_NONE,
    ARGUMENT_TEXT,
    ARGUMENT_NAME, /* of a conversation, or a path */
    ARGUMENT_FILE,
    ARGUMENT_SETTING,
    ARGUMENT_THINK
} argument_kind;

typedef struct command {
    const char *name, *argument, *help; /* help NULL: another name of the one before */
    argument_kind kind;
    bool needs_argument;
    weir_command_result (*run)(weir_dialog *dialog, const char *argument);
} command;

static const command commands[] = {
    {"help", "", "this list", ARGUMENT_NONE, false, help},
    {"clear", "", "begin a new conversation; this one stays saved", ARGUMENT_NONE, false, clear},
    {"undo", "", "take the last question and its answer back", ARGUMENT_NONE, false, undo},
    {"retry", "", "answer the last question again", ARGUMENT_NONE, false, retry},
    {"fork", "[NAME]", "keep this conversation under a name, go on in a copy", ARGUMENT_TEXT, false,
     fork_off},
    {"save", "[NAME]", "keep this conversation for ever; a PATH writes a file", ARGUMENT_NAME,
     false, save},
    {"load", "NAME", "go on with a saved conversation, or the file of a PATH", ARGUMENT_NAME, true,
     load},
    {"list", "", "saved conversations", ARGUMENT_NONE, false, show_list},
    {"system", "[TEXT|off]", "show or set the system prompt", ARGUMENT_TEXT, false, set_system},
    {"set", "[NAME VALUE]", "show or change settings: temperature, max-tokens, ...",
     ARGUMENT_SETTING, false, set},
    {"think", "[show|hide|off]", "what to do about thinking", ARGUMENT_THINK, false, think},
    {"tools", "[FILE|off]", "offer the model tools, described in JSON", ARGUMENT_FILE, false,
     tools},
    {"tokens", "", "the tokens of the last turn", ARGUMENT_NONE, false, show_tokens},
    {"stats", "", "speed, memory, context", ARGUMENT_NONE, false, show_stats},
    {"quit", "", "leave; Ctrl-D does so too", ARGUMENT_NONE, false, quit},
    {"exit", "", NULL, ARGUMENT_NONE, false, quit},
    {"bye", "", NULL, ARGUMENT_NONE, false, quit},
};

static weir_command_result help(weir_dialog *dialog, const char *argument) {
    (void)argument;
    const char *dim = weir_terminal_style(WEIR_STYLE_DIM, dialog->has_color);
    const char *plain = weir_terminal_style(WEIR_STYLE_PLAIN, dialog->has_color);
    bool is_narrow = weir_terminal_width(dialog->screen) < 72;
    for (size_t i = 0; i < WEIR_COUNT(commands); i++) {
        const command *each = &commands[i];
        if (!each->help)
            continue;
        int n = fprintf(dialog->screen, "  /%s %s", each->name, each->argument);
        if (is_narrow)
            fprintf(dialog->screen, "\n    %s%s%s\n", dim, each->help, plain);
        else
            fprintf(dialog->screen, "%*s%s%s%s\n", n < 25 ? 25 - n : 1, "", dim, each->help, plain);
    }
    fprintf(dialog->screen,
            "\n%sA line that ends in \\ goes on in the next one; \"\"\" begins and ends a text of\n"
            "several lines; pasted lines are one message. // begins a message with a slash.%s\n",
            dim, plain);
    fflush(dialog->screen);
    return WEIR_COMMAND_DONE;
}

/* A copy of text [n]. */
static char *expand_home(const char *text, size_t n) {
    const char *home = getenv("HOME");
    weir_text_buffer path = {0};
    bool is_home = home && n >= 2 && text[0] == '~' && text[1] == '/';
    if (is_home)
        weir_text_buffer_say(&path, home);
    weir_text_buffer_add(&path, is_home ? text + 1 : text, is_home ? n - 1 : n);
    if (path.has_failed)
        weir_text_buffer_free(&path);
    return path.data;
}

/* Letters to change, add or take away to make a of b, at most so many of them counted. */
static size_t distance(const char *a, const char *b) {
    enum { MAX = 24 };
    size_t row[MAX + 1], n_a = strlen(a), n_b = strlen(b);
    if (n_a > MAX || n_b > MAX)
        return MAX;
    for (size_t j = 0; j <= n_b; j++)
        row[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < other ? change : other;
        }
    }
    return row[n_b];
}

/* Of the commands, whose names are of small letters. */
static const char *nearest(const char *typed) {
    const char *best = commands[0].name;
    char name[32];
    size_t least = SIZE_MAX, n = strnlen(typed, sizeof name - 1);
    for (size_t i = 0; i < n; i++)
        name[i] = (char)tolower((unsigned char)typed[i]);
    name[n] = 0;
    for (size_t i = 0; i < WEIR_COUNT(commands); i++) {
        /* A beginning is as near as can be. */
        bool is_beginning = n > 0 && strncmp(commands[i].name, name, n) == 0;
        size_t d = is_beginning ? 0 : distance(commands[i].name, name);
        if (d < least) {
            least = d;
            best = commands[i].name;
        }
    }
    return best;
}

/* What stands behind the command, without the space around it; ~/ in front of a path is the user's
 * home, as in a shell. */
static char *argument_of(const char *text, argument_kind kind) {
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        n--;
    bool is_path = kind == ARGUMENT_NAME || kind == ARGUMENT_FILE;
    return is_path ? expand_home(text, n) : weir_text_copy(text, n);
}

weir_command_result weir_dialog_command(weir_dialog *dialog, const char *line) {
    line++;
    size_t n_name = strcspn(line, " \t");
    char *name = weir_text_copy(line, n_name);
    weir_command_result result = WEIR_COMMAND_DONE;
    const command *found = NULL;
    for (size_t i = 0; name && !found && i < WEIR_COUNT(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            found = &commands[i];
    char *trimmed = argument_of(line + n_name, found ? found->kind : ARGUMENT_TEXT);
    if (!name || !trimmed)
        complain(dialog, "no memory for the command");
    else if (!found)
        complain(dialog, "there is no /%s; did you mean /%s? (//%s is sent to the model)", name,
                 nearest(name), name);
    else if (found->kind == ARGUMENT_NONE && trimmed[0])
        complain(dialog, "/%s takes nothing behind it", found->name);
    else if (found->needs_argument && !trimmed[0])
        complain(dialog, "usage: /%s %s", found->name, found->argument);
    else
        result = found->run(dialog, trimmed);
    free(name);
    free(trimmed);
    return result;
}

/* ---- completion --------------------------------------------------------------------------- */

/* Offers before + text + after if it goes on from word. */
static void offer(weir_choices *choices, const char *word, size_t n_word, const char *before,
                  const char *text, const char *after) {
    weir_text_buffer whole = {0};
    weir_text_buffer_say(&whole, before);
    weir_text_buffer_say(&whole, text);
    weir_text_buffer_say(&whole, after);
    if (!whole.has_failed && whole.n >= n_word && memcmp(whole.data, word, n_word) == 0)
        weir_choice_add(choices, whole.data, whole.n);
    weir_text_buffer_free(&whole);
}

static void offer_files(weir_choices *choices, const char *word, size_t n_word) {
    const char *slash = memrchr(word, '/', n_word);
    size_t n_before = slash ? (size_t)(slash - word) + 1 : 0;
    char *before = weir_text_copy(word, n_before), *place = expand_home(word, n_before);
    DIR *folder = before && place ? opendir(place[0] ? place : ".") : NULL;
    bool wants_hidden = n_word > n_before && word[n_before] == '.';
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (name[0] == '.' && !wants_hidden))
            continue;
        char *path = weir_path_join(place, name);
        if (path)
            offer(choices, word, n_word, before, name, weir_path_is_folder(path) ? "/" : "");
        free(path);
    }
    if (folder)
        closedir(folder);
    free(before);
    free(place);
}

static void offer_conversations(const weir_dialog *dialog, weir_choices *choices, const char *word,
                                size_t n_word) {
    weir_chat_entry *entries;
    size_t n;
    if (!dialog->store ||
        weir_chat_store_list(dialog->store, false, &entries, &n, NULL) != WEIR_STATUS_OK)
        return;
    for (size_t i = 0; i < n; i++)
        offer(choices, word, n_word, "", entries[i].name, "");
    weir_chat_entries_free(entries, n);
}

size_t weir_dialog_complete(void *context, const char *line, size_t n, weir_choices *choices) {
    static const char *const thinks[] = {"show", "hide", "off"};
    const weir_dialog *dialog = context;
    if (n == 0 || line[0] != '/')
        return 0;
    const char *space = memchr(line, ' ', n);
    if (!space) {
        for (size_t i = 0; i < WEIR_COUNT(commands); i++)
            offer(choices, line, n, "/", commands[i].name, commands[i].argument[0] ? " " : "");
        return n;
    }
    const command *found = NULL;
    size_t n_name = (size_t)(space - line) - 1;
    for (size_t i = 0; i < WEIR_COUNT(commands); i++)
        if (strlen(commands[i].name) == n_name && memcmp(commands[i].name, line + 1, n_name) == 0)
            found = &commands[i];
    const char *word = space + 1;
    size_t n_word = n - (size_t)(word - line);
    if (!found)
        return 0;
    switch (found->kind) {
    case ARGUMENT_NONE:
    case ARGUMENT_TEXT:
        break;
    case ARGUMENT_NAME:
        if (!memchr(word, '/', n_word)) {
            offer_conversations(dialog, choices, word, n_word);
            break;
        }
        offer_files(choices, word, n_word);
        break;
    case ARGUMENT_FILE:
        offer_files(choices, word, n_word);
        break;
    case ARGUMENT_SETTING:
        for (const char *const *each = weir_setting_names; *each; each++)
            offer(choices, word, n_word, "", *each, " ");
        break;
    case ARGUMENT_THINK:
        for (size_t i = 0; i < WEIR_COUNT(thinks); i++)
            offer(choices, word, n_word, "", thinks[i], "");
        break;
    }
    return n_word;
}
