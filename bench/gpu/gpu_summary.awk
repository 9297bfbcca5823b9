# gpu_summary.awk: reads gpu_stages.tsv (stage, exit code, seconds), probe.jsonl, bench.jsonl and
# whole.tsv (format, kind, rows, depth, seconds, least seconds) in this order, any of which may be
# empty, and writes the summary as Markdown: stages, calibration, the whole model, and launches by
# what a step would gain if each reached 85 % of its limit.

# The value of a key in a line of JSON that weir_gpu_report or gpu_bench wrote.
function value_of(line, key,    text, at) {
    at = index(line, "\"" key "\": ")
    if (!at)
        return ""
    text = substr(line, at + length(key) + 4)
    if (substr(text, 1, 1) == "\"") {
        text = substr(text, 2)
        return substr(text, 1, index(text, "\"") - 1)
    }
    match(text, /^[^,}]*/)
    return substr(text, 1, RLENGTH)
}

function outcome(code) {
    return code == 0 ? "passed" : code == 77 ? "skipped" : code == 124 || code == 137 ? "time was up" : \
        code == "left" ? "left out" : "**failed** (" code ")"
}

BEGIN {
    FS = "\t"
    # Launches of a token's step of the 24B model: 30 conv layers, 10 of attention, 38 with experts.
    n_a_step["conv_in"] = 30
    n_a_step["out"] = 40
    n_a_step["ffn_gate"] = 4
    n_a_step["experts_gate"] = 76
    n_a_step["experts_gate_up"] = 38
    n_a_step["ffn_gate_up"] = 2
    n_a_step["experts_down"] = 38
    n_a_step["head"] = 1
    n_a_step["attend"] = 10
    n_a_step["flash"] = 10
    n_a_step["heads"] = 10
    n_a_step["kv_write"] = 10
    n_a_step["rms_norm"] = 101
    n_a_step["silu_mul"] = 40
    n_a_step["add"] = 118
    n_a_step["rope"] = 20
    n_a_step["route"] = 38
    n_a_step["short_conv"] = 30
    n_a_step["embed"] = 1
    goal = 0.85
    print "# GPU run\n"
}

FNR == 1 {
    n_file++
}

n_file == 1 {
    if (FNR == 1)
        print "| stage | | seconds |\n|---|---|---|"
    printf "| %s | %s | %s |\n", $1, outcome($2), $3
}

/^{"kind"/ {
    if (!n_probed++)
        print "\n## Calibration\n\n| kind | what | value | spread |\n|---|---|---|---|"
    value = value_of($0, "value") + 0
    unit = value_of($0, "unit")
    if (value >= 1e12)
        text = sprintf("%.3f T%s", value / 1e12, unit)
    else if (value >= 1e9)
        text = sprintf("%.2f G%s", value / 1e9, unit)
    else
        text = sprintf("%.3f %s", value, unit)
    printf "| %s | %s | %s | %.1f %% |\n", value_of($0, "kind"), value_of($0, "name"), text,
        value_of($0, "spread") * 100
}

/^{"kernel"/ {
    kernel = value_of($0, "kernel")
    part = value_of($0, "part")
    us = value_of($0, "us") + 0
    floor_us = value_of($0, "floor_us") + 0
    n = part in n_a_step ? n_a_step[part] : kernel in n_a_step ? n_a_step[kernel] : 1
    gain = us - floor_us / goal
    if (kernel == "cublaslt") {
        yardstick[part, value_of($0, "rows")] = us
        next
    }
    if (value_of($0, "format") == "bf16" && (kernel == "gemm" || kernel == "wgmma")) {
        n_dense++
        dense[n_dense] = kernel SUBSEP part SUBSEP value_of($0, "rows") SUBSEP us
    }
    key = sprintf("%.3f", gain > 0 ? gain * n : 0)
    n_lines++
    gains[n_lines] = key
    lines[n_lines] = sprintf("| %s | %s | %s | %s | %s%s | %.2f | %.2f | %.1f %% | %d | %.1f |", kernel,
        part, value_of($0, "format"), value_of($0, "rows"), value_of($0, "depth"),
        value_of($0, "prompt") == "true" ? " (prompt)" : "", us, floor_us,
        value_of($0, "share") * 100, n, key)
}

NF == 6 && n_file > 1 && !/^{/ {
    if (!n_whole++)
        print "\n## The whole model\n\n| weights | what | rows | depth | ms | tok/s | limit, tok/s | share |\n|---|---|---|---|---|---|---|---|"
    n_tokens = $2 == "prefill" || $2 == "first token" ? $4 : $2 == "burst" ? $3 * $4 : $3
    printf "| %s | %s | %s | %s | %.3f | %.1f | %.1f | %.1f %% |\n", $1, $2, $3, $4, $5 * 1e3, n_tokens / $5,
        n_tokens / $6, 100 * $6 / $5
}

END {
    for (i = 1; i <= n_dense; i++) {
        split(dense[i], is, SUBSEP)
        if (!((is[2], is[3]) in yardstick))
            continue
        if (!n_beside++)
            print "\n## Beside cuBLASLt, bf16\n\n| kernel | part | rows | us | cuBLASLt, us | times as fast |\n|---|---|---|---|---|---|"
        theirs = yardstick[is[2], is[3]]
        printf "| %s | %s | %s | %.2f | %.2f | %.2f |\n", is[1], is[2], is[3], is[4], theirs, theirs / is[4]
    }
    if (n_lines) {
        print "\n## Launches, by what a step gains if each reached " goal * 100 " % of its limit\n"
        print "| kernel | part | format | rows | depth | us | floor, us | share | in a step | gain, us |"
        print "|---|---|---|---|---|---|---|---|---|---|"
        # A few hundred lines: the simplest sort there is.
        for (i = 1; i <= n_lines; i++) {
            best = 0
            for (k = 1; k <= n_lines; k++)
                if (!(k in is_printed) && (!best || gains[k] + 0 > gains[best] + 0))
                    best = k
            is_printed[best] = 1
            print lines[best]
        }
    }
}
