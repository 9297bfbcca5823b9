/*
 * chat_files.c: the folder of conversations.
 *
 * Owns names, locks, and what is thrown away when. A lock belongs to the open file NAME.lock, so
 * that it ends with its program however that ends; the empty file may stay behind. Does not own the
 * form of the files.
 */
#include "chat_files.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "base/utf8.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_FILE_BYTES = 1 << 30,
    AUTOMATIC_CHARS = sizeof "2000-01-01-000000-aaaa" - 1,
    LEFTOVER_S = 24 * 3600 /* temporary files older than this belong to nobody */
};

struct weir_chat_store {
    char *folder;  /* .../conversations */
    char *history; /* .../history */
    char *name;    /* of the conversation that is gone on with; NULL: none */
    int lock_fd;   /* of name */
};

/* ---- places ------------------------------------------------------------------------------- */

static weir_status make_folder(const char *path, weir_error *err) {
    if (mkdir(path, 0700) == 0 || (errno == EEXIST && weir_path_is_folder(path)))
        return WEIR_STATUS_OK;
    return weir_fail(err, WEIR_STATUS_IO, "%s: the folder cannot be made: %s", path,
                     strerror(errno));
}

/* With every folder above it. */
static weir_status make_folders(char *path, weir_error *err) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        weir_status status = make_folder(path, err);
        *slash = '/';
        WEIR_TRY(status);
    }
    return make_folder(path, err);
}

/* .../weir, malloc'ed. */
static weir_status find_state_folder(char **out, weir_error *err) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    const struct passwd *user = home && home[0] ? NULL : getpwuid(getuid());
    if (user)
        home = user->pw_dir;
    bool has_state = state && state[0] == '/'; /* relative ones do not count, says XDG */
    if (!has_state && !(home && home[0]))
        return weir_fail(err, WEIR_STATUS_IO,
                         "no place for conversations: neither XDG_STATE_HOME nor HOME is set");
    char *base = has_state ? strdup(state) : weir_path_join(home, ".local/state");
    *out = base ? weir_path_join(base, "weir") : NULL;
    free(base);
    if (!*out)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the place of conversations");
    return WEIR_STATUS_OK;
}

/* folder/NAME + ending, malloc'ed. */
static char *path_of(const weir_chat_store *store, const char *name, const char *ending) {
    char *path = NULL;
    return asprintf(&path, "%s/%s%s", store->folder, name, ending) < 0 ? NULL : path;
}

static bool has_ending(const char *file, const char *ending) {
    size_t n = strlen(file), n_ending = strlen(ending);
    return n > n_ending && strcmp(file + n - n_ending, ending) == 0;
}

/* ---- names -------------------------------------------------------------------------------- */

bool weir_chat_name_is_automatic(const char *name) {
    static const char form[] = "0000-00-00-000000-aaaa";
    for (size_t i = 0; i < AUTOMATIC_CHARS; i++) {
        unsigned char c = (unsigned char)name[i];
        bool fits = form[i] == '0'   ? isdigit(c)
                    : form[i] == 'a' ? isdigit(c) || islower(c)
                                     : c == '-';
        if (!fits)
            return false;
    }
    return name[AUTOMATIC_CHARS] == 0;
}

/* May a file be called so? Automatic names included. */
static bool is_name(const char *name) {
    size_t n = strlen(name);
    if (n == 0 || n > WEIR_CHAT_NAME_BYTES || name[0] == '.' || name[0] == '-' ||
        weir_utf8_valid(name, n) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < 0x80 && !isalnum(c) && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

weir_status weir_chat_name_check(const char *name, weir_error *err) {
    if (!is_name(name))
        return weir_fail(
            err, WEIR_STATUS_BAD_ARGUMENT,
            "'%s' is no name for a conversation: letters, digits, - _ and . are, up to "
            "%d bytes, with a letter or digit in front",
            name, WEIR_CHAT_NAME_BYTES);
    if (strcmp(name, "last") == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "'last' means the latest conversation, whichever that is; choose another "
                         "name");
    if (weir_chat_name_is_automatic(name))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "'%s' looks like the names made here, which go after a while; choose "
                         "another",
                         name);
    return WEIR_STATUS_OK;
}

static const weir_message *first_question(const weir_conversation *conversation) {
    for (size_t i = 0; i < conversation->n_messages; i++)
        if (conversation->message[i].role == WEIR_ROLE_USER)
            return &conversation->message[i];
    return NULL;
}

void weir_chat_store_suggest(const weir_chat_store *store, const weir_conversation *conversation,
                             char name[WEIR_CHAT_NAME_BYTES + 1]) {
    enum { MAX_WORDS_BYTES = 40 };
    const weir_message *question = first_question(conversation);
    size_t n = 0;
    for (size_t i = 0; question && i < question->n_content && n < MAX_WORDS_BYTES; i++) {
        unsigned char c = (unsigned char)question->content[i];
        if (isalnum(c))
            name[n++] = (char)tolower(c);
        else if (n > 0 && name[n - 1] != '-' && c < 0x80)
            name[n++] = '-';
    }
    while (n > 0 && name[n - 1] == '-')
        n--;
    if (n == 0)
        n = (size_t)sprintf(name, "conversation");
    name[n] = 0;
    for (unsigned i = 2;
         weir_chat_store_exists(store, name) || weir_chat_name_check(name, NULL) != WEIR_STATUS_OK;
         i++)
        snprintf(name + n, WEIR_CHAT_NAME_BYTES - n, "-%u", i);
}

static void make_automatic_name(char name[AUTOMATIC_CHARS + 1]) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    time_t now = time(NULL);
    struct tm parts;
    localtime_r(&now, &parts);
    size_t n = strftime(name, AUTOMATIC_CHARS + 1, "%Y-%m-%d-%H%M%S-", &parts);
    for (uint64_t bits = weir_seed_random(); n < AUTOMATIC_CHARS; bits /= sizeof letters - 1)
        name[n++] = letters[bits % (sizeof letters - 1)];
    name[n] = 0;
}

/* ---- locks -------------------------------------------------------------------------------- */

static const struct flock whole_file = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

/* The lock of a name; -1 and errno EAGAIN: another program has it. */
static int take_lock(const weir_chat_store *store, const char *name) {
    char *path = path_of(store, name, ".lock");
    if (!path) {
        errno = ENOMEM;
        return -1;
    }
    int fd = -1;
    for (;;) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            break;
        struct stat held, named;
        if (fcntl(fd, F_OFD_SETLK, &whole_file) != 0) {
            int error = errno == EACCES ? EAGAIN : errno;
            close(fd);
            fd = -1;
            errno = error;
            break;
        }
        /* Who let it go in between has taken the file away: then this is the lock of nothing. */
        if (fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
            held.st_dev == named.st_dev)
            break;
        close(fd);
    }
    int error = errno;
    free(path);
    errno = error;
    return fd;
}

static void drop_lock(const weir_chat_store *store, const char *name, int fd) {
    char *path = path_of(store, name, ".lock");
    if (path)
        unlink(path);
    free(path);
    close(fd);
}

static weir_status fail_lock(const char *name, weir_error *err) {
    if (errno == EAGAIN)
        return weir_fail(err, WEIR_STATUS_FAILED, "'%s' is open in another weir", name);
    return weir_fail(err, WEIR_STATUS_IO, "conversation '%s': cannot be locked: %s", name,
                     strerror(errno));
}

static bool is_locked(const weir_chat_store *store, const char *name) {
    char *path = path_of(store, name, ".lock");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    struct flock lock = whole_file; /* asked for and not taken: nobody is kept out meanwhile */
    bool is_held = fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (fd >= 0)
        close(fd);
    free(path);
    return is_held;
}

/* ---- what is thrown away ------------------------------------------------------------------ */

static void remove_file(const weir_chat_store *store, const char *name, const char *ending) {
    char *path = path_of(store, name, ending);
    if (path)
        unlink(path);
    free(path);
}

void weir_chat_store_remove(weir_chat_store *store, const char *name) {
    remove_file(store, name, ".json");
    remove_file(store, name, ".state");
    remove_file(store, name, ".lock"); /* of a program that crashed */
}

/* Automatic conversations beyond the number kept, and what a crash left half written. */
static void throw_away(weir_chat_store *store) {
    weir_chat_entry *entries = NULL;
    size_t n = 0, n_automatic = 0;
    if (weir_chat_store_list(store, false, &entries, &n, NULL) != WEIR_STATUS_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        if (!weir_chat_name_is_automatic(entries[i].name) || entries[i].is_in_use)
            continue;
        n_automatic++;
        if (n_automatic > WEIR_CHAT_KEPT)
            weir_chat_store_remove(store, entries[i].name);
        else if (n_automatic > WEIR_CHAT_KEPT_STATES)
            remove_file(store, entries[i].name, ".state");
    }
    weir_chat_entries_free(entries, n);

    DIR *folder = opendir(store->folder);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        struct stat st;
        bool is_temporary =
            strstr(entry->d_name, ".json.tmp-") || strstr(entry->d_name, ".state.tmp-");
        if (is_temporary && fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            time(NULL) - st.st_mtime > LEFTOVER_S)
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
}

/* ---- the store ---------------------------------------------------------------------------- */

weir_status weir_chat_store_open(weir_chat_store **out, weir_error *err) {
    *out = NULL;
    char *state = NULL;
    WEIR_TRY(find_state_folder(&state, err));
    weir_status status = WEIR_STATUS_OK;
    weir_chat_store *store = calloc(1, sizeof *store);
    if (store) {
        store->lock_fd = -1;
        store->folder = weir_path_join(state, "conversations");
        store->history = weir_path_join(state, "history");
    }
    if (!store || !store->folder || !store->history) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the place of conversations");
        goto fail;
    }
    WEIR_TRY_GOTO(make_folders(store->folder, err));
    throw_away(store);
    free(state);
    *out = store;
    return WEIR_STATUS_OK;
fail:
    free(state);
    weir_chat_store_close(&store);
    return status;
}

void weir_chat_store_close(weir_chat_store **out) {
    weir_chat_store *store = *out;
    *out = NULL;
    if (!store)
        return;
    weir_chat_store_end(store);
    free(store->folder);
    free(store->history);
    free(store);
}

const char *weir_chat_store_history(const weir_chat_store *store) {
    return store->history;
}

const char *weir_chat_store_name(const weir_chat_store *store) {
    return store->name;
}

bool weir_chat_store_exists(const weir_chat_store *store, const char *name) {
    char *path = path_of(store, name, ".json");
    bool exists = path && weir_path_exists(path);
    free(path);
    return exists;
}

/* Goes on under a name whose lock it takes over, also on failure. */
static weir_status hold(weir_chat_store *store, const char *name, int lock_fd, weir_error *err) {
    char *copy = strdup(name);
    if (!copy) {
        drop_lock(store, name, lock_fd);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the name of a conversation");
    }
    weir_chat_store_end(store);
    store->name = copy;
    store->lock_fd = lock_fd;
    return WEIR_STATUS_OK;
}

weir_status weir_chat_store_begin(weir_chat_store *store, const char *name, weir_error *err) {
    char automatic[AUTOMATIC_CHARS + 1];
    if (name && store->name && strcmp(name, store->name) == 0)
        return WEIR_STATUS_OK;
    int fd;
    if (name) {
        fd = take_lock(store, name);
    } else {
        do {
            make_automatic_name(automatic);
            fd = take_lock(store, automatic);
        } while (fd < 0 ? errno == EAGAIN : weir_chat_store_exists(store, automatic));
        name = automatic;
    }
    return fd < 0 ? fail_lock(name, err) : hold(store, name, fd, err);
}

void weir_chat_store_end(weir_chat_store *store) {
    if (store->name)
        drop_lock(store, store->name, store->lock_fd);
    free(store->name);
    store->name = NULL;
    store->lock_fd = -1;
}

void weir_chat_store_drop(weir_chat_store *store) {
    if (store->name)
        weir_chat_store_remove(store, store->name);
    weir_chat_store_end(store);
}

/* ---- reading and writing ------------------------------------------------------------------ */

weir_status weir_chat_write_file(const weir_chat *chat, const char *path, weir_error *err) {
    weir_text_buffer text = {0};
    weir_out *out = NULL;
    mode_t mask = umask(077); /* what was said is private */
    weir_status status;
    WEIR_TRY_GOTO(weir_chat_write(chat, &text, err));
    WEIR_TRY_GOTO(weir_text_buffer_check(&text, "the conversation", err));
    WEIR_TRY_GOTO(weir_out_open(&out, path, true, err));
    WEIR_TRY_GOTO(weir_out_write(out, text.data, text.n, err));
    status = weir_out_commit(&out, err);
fail:
    weir_out_abort(&out);
    umask(mask);
    weir_text_buffer_free(&text);
    return status;
}

weir_status weir_chat_read_file(weir_chat *chat, const char *path, weir_error *err) {
    char *text = NULL;
    size_t n = 0;
    WEIR_TRY(weir_file_read(path, MAX_FILE_BYTES, &text, &n, err));
    weir_status status = weir_chat_read(chat, text, n, path, err);
    free(text);
    return status;
}

static weir_status write_state(weir_chat *chat, const char *path, weir_error *err) {
    weir_chat_info info;
    weir_chat_get_info(chat, &info);
    if (info.n_tokens == 0) { /* nothing was run: the JSON says it all */
        unlink(path);
        return WEIR_STATUS_OK;
    }
    mode_t mask = umask(077);
    weir_status status = weir_chat_save_state(chat, path, err);
    /* What is pending is run first, and Ctrl-C at the end of an answer cancels the step after it.
     */
    if (status == WEIR_STATUS_CANCELLED)
        status = weir_chat_save_state(chat, path, err);
    umask(mask);
    if (status != WEIR_STATUS_OK)
        unlink(path); /* the one before: it is the past, and its room may be what was missing */
    return status;
}

static weir_status save(const weir_chat_store *store, weir_chat *chat, const char *name,
                        bool with_state, weir_error *no_state, weir_error *err) {
    char *json = path_of(store, name, ".json"), *state = path_of(store, name, ".state");
    weir_status status = WEIR_STATUS_OK;
    if (!json || !state) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the place of conversations");
        goto fail;
    }
    WEIR_TRY_GOTO(weir_chat_write_file(chat, json, err));
    if (with_state)
        write_state(chat, state, no_state);
fail:
    free(json);
    free(state);
    return status;
}

weir_status weir_chat_store_save(weir_chat_store *store, weir_chat *chat, bool with_state,
                                 weir_error *no_state, weir_error *err) {
    *no_state = (weir_error){0};
    if (!store->name)
        WEIR_TRY(weir_chat_store_begin(store, NULL, err));
    return save(store, chat, store->name, with_state, no_state, err);
}

weir_status weir_chat_store_save_as(weir_chat_store *store, weir_chat *chat, const char *name,
                                    weir_error *no_state, weir_error *err) {
    *no_state = (weir_error){0};
    int fd = take_lock(store, name);
    if (fd < 0)
        return fail_lock(name, err);
    weir_status status = save(store, chat, name, true, no_state, err);
    drop_lock(store, name, fd);
    return status;
}

weir_status weir_chat_store_load(const weir_chat_store *store, weir_chat *chat, const char *name,
                                 weir_error *err) {
    if (!is_name(name) || !weir_chat_store_exists(store, name))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "there is no conversation '%s'; /list shows those there are", name);
    char *json = path_of(store, name, ".json"), *state = path_of(store, name, ".state");
    weir_status status = WEIR_STATUS_OK;
    if (!json || !state)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the place of conversations");
    else
        status = weir_chat_read_file(chat, json, err);
    /* Of another model, or damaged: then the conversation is run again, which is all it costs. */
    if (status == WEIR_STATUS_OK && weir_path_exists(state))
        weir_chat_load_state(chat, state, NULL);
    free(json);
    free(state);
    return status;
}

weir_status weir_chat_store_resume(weir_chat_store *store, weir_chat *chat, const char *name,
                                   weir_error *no_lock, weir_error *err) {
    *no_lock = (weir_error){0};
    bool is_own = store->name && strcmp(store->name, name) == 0;
    if (is_own || !is_name(name))
        return weir_chat_store_load(store, chat, name, err);
    /* First, so that what is read is still the latest when it is written again. */
    int fd = take_lock(store, name);
    if (fd < 0)
        fail_lock(name, no_lock);
    weir_status status = weir_chat_store_load(store, chat, name, err);
    if (status != WEIR_STATUS_OK) {
        if (fd >= 0)
            drop_lock(store, name, fd);
        return status;
    }
    weir_chat_store_end(store); /* whatever follows: the chat is another one now */
    if (fd >= 0)
        hold(store, name, fd, no_lock);
    return WEIR_STATUS_OK;
}

/* ---- the list ----------------------------------------------------------------------------- */

static void read_words(const weir_chat_store *store, weir_chat_entry *entry) {
    char *path = path_of(store, entry->name, ".json"), *text = NULL;
    size_t n = 0;
    weir_conversation conversation = {0};
    if (path && weir_file_read(path, MAX_FILE_BYTES, &text, &n, NULL) == WEIR_STATUS_OK &&
        weir_conversation_read(&conversation, text, n, entry->name, NULL) == WEIR_STATUS_OK) {
        const weir_message *question = first_question(&conversation);
        entry->words = strdup(question ? question->content : "");
        for (size_t i = 0; i < conversation.n_messages; i++)
            entry->n_questions += conversation.message[i].role == WEIR_ROLE_USER;
        weir_conversation_free(&conversation);
    }
    free(text);
    free(path);
}

static int compare_entries(const void *a, const void *b) {
    const weir_chat_entry *x = a, *y = b;
    if (x->changed != y->changed)
        return x->changed < y->changed ? 1 : -1;
    return -strcmp(x->name, y->name); /* automatic names are in the order of time */
}

weir_status weir_chat_store_list(const weir_chat_store *store, bool with_words,
                                 weir_chat_entry **out, size_t *n, weir_error *err) {
    *out = NULL;
    *n = 0;
    DIR *folder = opendir(store->folder);
    if (!folder)
        return weir_fail(err, WEIR_STATUS_IO, "%s: cannot be read: %s", store->folder,
                         strerror(errno));
    size_t cap = 0;
    const struct dirent *file;
    while ((file = readdir(folder))) {
        struct stat st;
        if (!has_ending(file->d_name, ".json") ||
            fstatat(dirfd(folder), file->d_name, &st, 0) != 0 || !S_ISREG(st.st_mode))
            continue;
        if (*n == cap) {
            cap = cap * 2 + 64;
            weir_chat_entry *larger = realloc(*out, cap * sizeof *larger);
            if (!larger)
                break;
            *out = larger;
        }
        weir_chat_entry *entry = &(*out)[*n];
        *entry = (weir_chat_entry){
            .name = strndup(file->d_name, strlen(file->d_name) - strlen(".json")),
            .changed = st.st_mtime,
        };
        if (!entry->name)
            break;
        bool is_own = store->name && strcmp(store->name, entry->name) == 0;
        entry->is_in_use = !is_own && is_locked(store, entry->name);
        if (with_words)
            read_words(store, entry);
        (*n)++;
    }
    closedir(folder);
    if (file) {
        weir_chat_entries_free(*out, *n);
        *out = NULL;
        *n = 0;
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of conversations");
    }
    if (*n > 0)
        qsort(*out, *n, sizeof **out, compare_entries);
    return WEIR_STATUS_OK;
}

void weir_chat_entries_free(weir_chat_entry *entries, size_t n) {
    for (size_t i = 0; i < n; i++) {
        free(entries[i].name);
        free(entries[i].words);
    }
    free(entries);
}
