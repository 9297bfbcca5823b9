/* machine_show.c: see machine_show.h. Only says what the struct says. */
#include "machine_show.h"

#include "console.h"
#include "json_text.h"

#include <string.h>

double weir_machine_best_reading(const weir_machine *m) {
    double best = 0;
    for (size_t i = 0; i < m->n_teams; i++)
        for (size_t k = 0; k < WEIR_MACHINE_STREAMS; k++)
            best = m->read_bytes_per_s[i][k] > best ? m->read_bytes_per_s[i][k] : best;
    return best;
}

double weir_machine_best_arithmetic(const weir_machine *m, char *what, size_t cap) {
    double best = 0;
    snprintf(what, cap, "%s", "");
    for (size_t i = 0; i < m->n_peaks; i++)
        for (size_t k = 0; k < m->n_teams; k++)
            if (m->peak[i].macs_per_s[k] > best) {
                best = m->peak[i].macs_per_s[k];
                snprintf(what, cap, "%s %s", m->peak[i].what, m->peak[i].isa);
            }
    return best;
}

bool weir_machine_isa_trouble(const weir_machine_isa *isa, char line[WEIR_MACHINE_LINE]) {
    if (isa->is_usable || !isa->is_of_architecture)
        return false;
    if (isa->missing[0])
        snprintf(line, WEIR_MACHINE_LINE, "the processor lacks %s", isa->missing);
    else if (!isa->is_saved)
        snprintf(line, WEIR_MACHINE_LINE, "the operating system does not save its registers");
    else if (!isa->is_built)
        snprintf(line, WEIR_MACHINE_LINE, "this program was built without it");
    else
        snprintf(line, WEIR_MACHINE_LINE, "the operating system refuses it to this process");
    return true;
}

const char *weir_machine_caches(const weir_machine *m, char line[WEIR_MACHINE_LINE]) {
    const struct {
        uint64_t bytes;
        const char *name;
    } caches[] = {{m->l1_bytes, "L1"}, {m->l2_bytes, "L2"}, {m->l3_bytes, "L3 in all"}};
    size_t n = 0;
    char bytes[WEIR_AMOUNT_TEXT];
    snprintf(line, WEIR_MACHINE_LINE, "unknown");
    for (size_t i = 0; i < WEIR_COUNT(caches); i++)
        if (caches[i].bytes > 0)
            n += (size_t)snprintf(line + n, WEIR_MACHINE_LINE - n, "%s%s %s", n > 0 ? ", " : "",
                                  weir_bytes_text(bytes, caches[i].bytes), caches[i].name);
    return line;
}

void weir_machine_print_tables(FILE *to, const weir_machine *m) {
    if (m->n_teams == 0)
        return;
    fprintf(to, "%-24s", "reading, GB/s");
    for (size_t i = 0; i < m->n_teams; i++)
        fprintf(to, " %7u thr", m->team[i]);
    for (size_t k = 0; k < WEIR_MACHINE_STREAMS; k++) {
        fprintf(to, "\n  %u stream%-14s", m->streams[k], m->streams[k] == 1 ? "" : "s a thread");
        for (size_t i = 0; i < m->n_teams; i++)
            fprintf(to, " %11.1f", m->read_bytes_per_s[i][k] / 1e9);
    }
    fprintf(to, "\narithmetic, GMAC/s");
    for (size_t k = 0; k < m->n_peaks; k++) {
        fprintf(to, "\n  %-6s %-15s", m->peak[k].what, m->peak[k].isa);
        for (size_t i = 0; i < m->n_teams; i++)
            fprintf(to, " %11.1f", m->peak[k].macs_per_s[i] / 1e9);
    }
    fprintf(to, "\nwaiting, microseconds\n  %-22s", "parallel region");
    for (size_t i = 0; i < m->n_teams; i++)
        fprintf(to, " %11.2f", m->region_s[i] * 1e6);
    fprintf(to, "\n  %-22s", "barrier");
    for (size_t i = 0; i < m->n_teams; i++)
        fprintf(to, " %11.2f", m->barrier_s[i] * 1e6);
    fputc('\n', to);
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

static json_t *numbers_json(const double *values, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_real(values[i]));
    return list;
}

static json_t *isas_json(const weir_machine *m) {
    json_t *list = json_array();
    for (size_t i = 0; i < m->n_isas; i++) {
        const weir_machine_isa *isa = &m->isa[i];
        char why[WEIR_MACHINE_LINE];
        if (isa->is_of_architecture)
            json_array_append_new(
                list,
                json_pack("{s:s, s:b, s:o}", "name", isa->name, "usable", (int)isa->is_usable,
                          "why_not",
                          weir_machine_isa_trouble(isa, why) ? json_string(why) : json_null()));
    }
    return list;
}

static json_t *measured_json(const weir_machine *m) {
    if (m->n_teams == 0)
        return json_null();
    json_t *threads = json_array(), *reading = json_array(), *peaks = json_array();
    for (size_t i = 0; i < m->n_teams; i++) {
        json_array_append_new(threads, json_integer(m->team[i]));
        for (size_t k = 0; k < WEIR_MACHINE_STREAMS; k++)
            json_array_append_new(reading, json_pack("{s:i, s:i, s:f}", "threads", (int)m->team[i],
                                                     "streams", (int)m->streams[k], "bytes_per_s",
                                                     m->read_bytes_per_s[i][k]));
    }
    for (size_t k = 0; k < m->n_peaks; k++)
        json_array_append_new(peaks, json_pack("{s:s, s:s, s:o}", "what", m->peak[k].what, "isa",
                                               m->peak[k].isa, "macs_per_s",
                                               numbers_json(m->peak[k].macs_per_s, m->n_teams)));
    return json_pack("{s:f, s:I, s:o, s:o, s:o, s:o, s:o}", "seconds", m->seconds, "buffer_bytes",
                     (json_int_t)m->buffer_bytes, "threads", threads, "reading", reading,
                     "arithmetic", peaks, "region_s", numbers_json(m->region_s, m->n_teams),
                     "barrier_s", numbers_json(m->barrier_s, m->n_teams));
}

json_t *weir_machine_json(const weir_machine *m) {
    return json_pack(
        "{s:o, s:i, s:i, s:i, s:i, s:o, s:i, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:o, s:o}",
        "processor", weir_json_text(m->processor, strlen(m->processor)), "processors",
        (int)m->n_processors, "allowed", (int)m->n_allowed, "cores", (int)m->n_cores, "nodes",
        (int)m->n_nodes, "quota", m->n_quota > 0 ? json_integer(m->n_quota) : json_null(),
        "threads", (int)m->n_threads, "l1_bytes", (json_int_t)m->l1_bytes, "l2_bytes",
        (json_int_t)m->l2_bytes, "l3_bytes", (json_int_t)m->l3_bytes, "memory_bytes",
        (json_int_t)m->memory_bytes, "available_bytes", (json_int_t)m->available_bytes,
        "huge_pages", m->huge_pages, "isa", m->isa_chosen, "isa_training", m->isa_chosen_training,
        "isas", isas_json(m), "measured", measured_json(m));
}
