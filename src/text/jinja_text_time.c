/*
 * jinja_text_time.c: strftime as Python's datetime.now() has it, in the C locale.
 *
 * Owns the directives; the system only splits seconds into a date. The time is naive, so %z and %Z
 * are empty. What the format itself says keeps its origin.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "text/jinja_text.h"

static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};

/* ISO 8601: the week of the year that has most days of this week, from Monday on. */
static void iso_week(const struct tm *t, int *year, int *week) {
    int weekday = (t->tm_wday + 6) % 7;
    int y = t->tm_year + 1900;
    *year = y;
    *week = (t->tm_yday - weekday + 10) / 7;
    if (*week < 1) { /* it belongs to the year before */
        y--;
        int days = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0 ? 366 : 365;
        *year = y;
        *week = (t->tm_yday + days - weekday + 10) / 7;
        return;
    }
    int days = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0 ? 366 : 365;
    if (*week == 53 && t->tm_yday - weekday + 3 >= days) {
        *year = y + 1;
        *week = 1;
    }
}

enum { PART_ROOM = 64 };

/* The directives that are numbers or names: false for the others. */
static bool simple_part(char directive, const struct tm *t, int64_t seconds, char out[PART_ROOM]) {
    int hour12 = t->tm_hour % 12 == 0 ? 12 : t->tm_hour % 12;
    int iso_year, week;
    iso_week(t, &iso_year, &week);
    switch (directive) {
    case 'a':
        return snprintf(out, PART_ROOM, "%.3s", day_names[t->tm_wday]) >= 0;
    case 'A':
        return snprintf(out, PART_ROOM, "%s", day_names[t->tm_wday]) >= 0;
    case 'b':
    case 'h':
        return snprintf(out, PART_ROOM, "%.3s", month_names[t->tm_mon]) >= 0;
    case 'B':
        return snprintf(out, PART_ROOM, "%s", month_names[t->tm_mon]) >= 0;
    case 'C':
        return snprintf(out, PART_ROOM, "%02d", (t->tm_year + 1900) / 100) >= 0;
    case 'd':
        return snprintf(out, PART_ROOM, "%02d", t->tm_mday) >= 0;
    case 'e':
        return snprintf(out, PART_ROOM, "%2d", t->tm_mday) >= 0;
    case 'f':
        return snprintf(out, PART_ROOM, "000000") >= 0;
    case 'g':
        return snprintf(out, PART_ROOM, "%02d", iso_year % 100) >= 0;
    case 'G':
        return snprintf(out, PART_ROOM, "%d", iso_year) >= 0;
    case 'H':
        return snprintf(out, PART_ROOM, "%02d", t->tm_hour) >= 0;
    case 'I':
        return snprintf(out, PART_ROOM, "%02d", hour12) >= 0;
    case 'j':
        return snprintf(out, PART_ROOM, "%03d", t->tm_yday + 1) >= 0;
    case 'k':
        return snprintf(out, PART_ROOM, "%2d", t->tm_hour) >= 0;
    case 'l':
        return snprintf(out, PART_ROOM, "%2d", hour12) >= 0;
    case 'm':
        return snprintf(out, PART_ROOM, "%02d", t->tm_mon + 1) >= 0;
    case 'M':
        return snprintf(out, PART_ROOM, "%02d", t->tm_min) >= 0;
    case 'n':
        return snprintf(out, PART_ROOM, "\n") >= 0;
    case 'p':
        return snprintf(out, PART_ROOM, "%s", t->tm_hour < 12 ? "AM" : "PM") >= 0;
    case 'P':
        return snprintf(out, PART_ROOM, "%s", t->tm_hour < 12 ? "am" : "pm") >= 0;
    case 's':
        return snprintf(out, PART_ROOM, "%lld", (long long)seconds) >= 0;
    case 'S':
        return snprintf(out, PART_ROOM, "%02d", t->tm_sec) >= 0;
    case 't':
        return snprintf(out, PART_ROOM, "\t") >= 0;
    case 'u':
        return snprintf(out, PART_ROOM, "%d", t->tm_wday == 0 ? 7 : t->tm_wday) >= 0;
    case 'U':
        return snprintf(out, PART_ROOM, "%02d", (t->tm_yday + 7 - t->tm_wday) / 7) >= 0;
    case 'V':
        return snprintf(out, PART_ROOM, "%02d", week) >= 0;
    case 'w':
        return snprintf(out, PART_ROOM, "%d", t->tm_wday) >= 0;
    case 'W':
        return snprintf(out, PART_ROOM, "%02d", (t->tm_yday + 7 - (t->tm_wday + 6) % 7) / 7) >= 0;
    case 'y':
        return snprintf(out, PART_ROOM, "%02d", (t->tm_year + 1900) % 100) >= 0;
    case 'Y':
        return snprintf(out, PART_ROOM, "%d", t->tm_year + 1900) >= 0;
    case 'z':
    case 'Z':
        return snprintf(out, PART_ROOM, "%s", "") >= 0;
    case '%':
        return snprintf(out, PART_ROOM, "%%") >= 0;
    default:
        return false;
    }
}

/* The directives that stand for others; NULL: none. */
static const char *written_out(char directive) {
    switch (directive) {
    case 'c':
        return "%a %b %e %H:%M:%S %Y";
    case 'D':
    case 'x':
        return "%m/%d/%y";
    case 'F':
        return "%Y-%m-%d";
    case 'r':
        return "%I:%M:%S %p";
    case 'R':
        return "%H:%M";
    case 'T':
    case 'X':
        return "%H:%M:%S";
    default:
        return NULL;
    }
}

static weir_status add_directive(weir_jinja_builder *b, char directive, const struct tm *t,
                                 int64_t seconds, weir_jinja_origin origin) {
    char part[PART_ROOM];
    const char *longer = written_out(directive);
    if (longer == NULL) {
        bool is_known = simple_part(directive, t, seconds, part);
        return is_known ? weir_jinja_add(b, part, strlen(part), origin)
                        : weir_jinja_fail(b->run, WEIR_STATUS_FAILED,
                                          "strftime: unknown directive '%%%c'",
                                          weir_jinja_shown_char(directive));
    }
    for (const char *c = longer; *c != 0; c++) {
        if (*c != '%') {
            WEIR_TRY(weir_jinja_add(b, c, 1, origin));
            continue;
        }
        simple_part(*++c, t, seconds, part);
        WEIR_TRY(weir_jinja_add(b, part, strlen(part), origin));
    }
    return WEIR_STATUS_OK;
}

/* Without zeros or spaces before it. */
static weir_status add_unpadded(weir_jinja_builder *b, char directive, const struct tm *t,
                                int64_t seconds, weir_jinja_origin origin) {
    weir_jinja_builder padded;
    weir_jinja_value text;
    WEIR_TRY(weir_jinja_build(&padded, b->run, 0));
    WEIR_TRY(add_directive(&padded, directive, t, seconds, origin));
    WEIR_TRY(weir_jinja_built(&padded, &text));
    const weir_jinja_string *s = text.as.string;
    size_t skip = 0;
    while (skip + 1 < s->n && (s->data[skip] == '0' || s->data[skip] == ' '))
        skip++;
    return weir_jinja_add_part(b, s, skip, s->n - skip);
}

weir_status weir_jinja_strftime(weir_jinja_run *run, const weir_jinja_string *format,
                                weir_jinja_value *out) {
    struct tm t;
    time_t seconds = run->has_now ? (time_t)run->now : time(NULL);
    if ((run->has_now ? gmtime_r(&seconds, &t) : localtime_r(&seconds, &t)) == NULL)
        return weir_jinja_fail(run, WEIR_STATUS_FAILED, "strftime: the time has no date");
    weir_jinja_builder b;
    WEIR_TRY(weir_jinja_build(&b, run, 0));
    for (size_t at = 0; at < format->n;) {
        size_t start = at;
        while (at < format->n && format->data[at] != '%')
            at++;
        WEIR_TRY(weir_jinja_add_part(&b, format, start, at - start));
        if (at == format->n)
            break;
        weir_jinja_origin origin = weir_jinja_origin_at(format, at++);
        WEIR_TRY(weir_jinja_step(run, 1));
        bool is_unpadded = at < format->n && format->data[at] == '-'; /* glibc's flag */
        at += is_unpadded;
        if (at == format->n)
            WEIR_TRY(weir_jinja_add(&b, "%-", is_unpadded ? 2 : 1, origin));
        else if (is_unpadded)
            WEIR_TRY(add_unpadded(&b, format->data[at], &t, seconds, origin));
        else
            WEIR_TRY(add_directive(&b, format->data[at], &t, seconds, origin));
        at += at < format->n;
    }
    return weir_jinja_built(&b, out);
}
