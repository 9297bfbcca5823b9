# ladder.awk: lines "step parameters active bits story books" to a table with the least-squares fit
# bits = a + b log10(parameters) on standard output, and the same as a plot in the file `svg`.

function log10(x) {
    return log(x) / log(10)
}

{
    name[NR] = $1
    n[NR] = $2
    active[NR] = $3
    y[NR] = $4
    story[NR] = $5
    books[NR] = $6
    x[NR] = log10($2)
}

# Fits the first `last` points; sets a, b.
function fit(last,    i, sx, sy, sxx, sxy) {
    for (i = 1; i <= last; i++) {
        sx += x[i]
        sy += y[i]
        sxx += x[i] * x[i]
        sxy += x[i] * y[i]
    }
    b = (last * sxy - sx * sy) / (last * sxx - sx * sx)
    a = (sy - b * sx) / last
}

function px(v) {
    return 70 + (v - x_low) / (x_high - x_low) * 500
}

function py(v) {
    return 330 - (v - y_low) / (y_high - y_low) * 290
}

END {
    if (NR < 3) {
        print "ladder: fewer than three sizes give no fit"
        exit 1
    }
    fit(NR - 1)
    foretold = a + b * x[NR]
    fit(NR)
    for (i = 1; i <= NR; i++)
        mean += y[i] / NR
    for (i = 1; i <= NR; i++) {
        left += (y[i] - a - b * x[i]) ^ 2
        all += (y[i] - mean) ^ 2
    }
    printf "# Bits per byte against size\n\n"
    printf "%d tokens each, the same in the same order; validation on text that was not trained on.\n", tokens
    printf "Made by `make ladder` (scripts/ladder.sh). These are toy sizes, three to four and a half\n"
    printf "orders of magnitude below the published models, and say nothing about those.\n\n"
    printf "| step | parameters | active | bits/byte | stories | books | fit |\n"
    printf "| --- | --- | --- | --- | --- | --- | --- |\n"
    for (i = 1; i <= NR; i++)
        printf "| %s | %.2f M | %.2f M | %.4f | %.4f | %.4f | %.4f |\n", name[i], n[i] / 1e6, \
            active[i] / 1e6, y[i], story[i], books[i], a + b * x[i]
    # Where no size differs from another there is nothing to explain, and division by zero ends some awks.
    printf "\nbits/byte = %.4f %+.4f log10(parameters), R2 = %.4f. The largest, foretold from the\n", \
        a, b, (all > 0 ? 1 - left / all : 0)
    printf "smaller ones: %.4f, measured %.4f (%+.1f %%).\n\n![plot](ladder.svg)\n", foretold, y[NR], \
        100 * (y[NR] / foretold - 1)

    x_low = int(x[1] * 10) / 10 - 0.1
    x_high = int(x[NR] * 10) / 10 + 0.2
    y_low = int(y[NR] * 20) / 20 - 0.05
    y_high = int(y[1] * 20) / 20 + 0.1
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"600\" height=\"380\" font-family=\"sans-serif\" font-size=\"12\">\n" >svg
    printf "<rect width=\"600\" height=\"380\" fill=\"white\"/>\n" >svg
    printf "<path d=\"M70 40V330H570\" fill=\"none\" stroke=\"black\"/>\n" >svg
    for (v = y_low; v <= y_high + 1e-9; v += 0.1)
        printf "<text x=\"62\" y=\"%.1f\" text-anchor=\"end\">%.2f</text><path d=\"M66 %.1fH570\" stroke=\"#ddd\"/>\n", \
            py(v) + 4, v, py(v) >svg
    for (i = 1; i <= NR; i++)
        printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"#1565c0\"/><text x=\"%.1f\" y=\"%.1f\">%s</text><text x=\"%.1f\" y=\"348\" text-anchor=\"middle\">%.1f M</text>\n", \
            px(x[i]), py(y[i]), px(x[i]) + 8, py(y[i]) - 6, name[i], px(x[i]), n[i] / 1e6 >svg
    printf "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"#c62828\" stroke-dasharray=\"5 4\"/>\n", px(x_low), \
        py(a + b * x_low), px(x_high), py(a + b * x_high) >svg
    printf "<text x=\"320\" y=\"370\" text-anchor=\"middle\">parameters (logarithmic)</text>\n" >svg
    printf "<text x=\"70\" y=\"24\">validation bits per byte</text>\n</svg>\n" >svg
}
