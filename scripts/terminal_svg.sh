#!/bin/sh
# terminal_svg.sh: a terminal's screen as a picture.
#
#   tmux capture-pane -e -p | scripts/terminal_svg.sh [COLUMNS [TITLE]] >screen.svg
#
# Reads lines of UTF-8 with the escape sequences of colours and weights that tmux writes. Every run of
# characters is set to the width of its columns, so that the picture is the same in any font. CJK
# and emoji count as two columns. Without COLUMNS the longest line gives the width.
set -eu
LC_ALL=C
export LC_ALL
exec awk -v columns="${1:-0}" -v title="${2:-}" '
# Bytes, whatever awk it is: LC_ALL=C. The sixteen colours, then the cube and the greys of 256.
function color_of(n,    r, g, b) {
    if (n < 16)
        return palette[n]
    if (n >= 232)
        return sprintf("#%02x%02x%02x", 8 + (n - 232) * 10, 8 + (n - 232) * 10, 8 + (n - 232) * 10)
    n -= 16
    r = int(n / 36); g = int(n / 6) % 6; b = n % 6
    return sprintf("#%02x%02x%02x", r ? 55 + r * 40 : 0, g ? 55 + g * 40 : 0, b ? 55 + b * 40 : 0)
}

function columns_of(text,    n, rest) {
    rest = text
    n = gsub(/[\360-\364]/, "", rest) + gsub(/[\343-\355]/, "", rest) # a second column
    gsub(/[\200-\277]/, "", text)
    return n + length(text)
}

function plain() {
    fill = ""; background = ""; is_bold = is_dim = is_italic = is_underlined = is_reversed = 0
}

# The parameters of one CSI ... m.
function set_style(list,    n, i, p, part) {
    n = split(list, part, /[;:]/)
    if (n == 0)
        plain()
    for (i = 1; i <= n; i++) {
        p = part[i] + 0
        if (p == 0) plain()
        else if (p == 1) is_bold = 1
        else if (p == 2) is_dim = 1
        else if (p == 3) is_italic = 1
        else if (p == 4) is_underlined = 1
        else if (p == 7) is_reversed = 1
        else if (p == 22) is_bold = is_dim = 0
        else if (p == 23) is_italic = 0
        else if (p == 24) is_underlined = 0
        else if (p == 27) is_reversed = 0
        else if (p >= 30 && p <= 37) fill = color_of(p - 30)
        else if (p == 39) fill = ""
        else if (p >= 40 && p <= 47) background = color_of(p - 40)
        else if (p == 49) background = ""
        else if (p >= 90 && p <= 97) fill = color_of(p - 82)
        else if (p >= 100 && p <= 107) background = color_of(p - 92)
        else if ((p == 38 || p == 48) && part[i + 1] == 5) {
            if (p == 38) fill = color_of(part[i + 2] + 0)
            else background = color_of(part[i + 2] + 0)
            i += 2
        } else if ((p == 38 || p == 48) && part[i + 1] == 2) {
            r = sprintf("#%02x%02x%02x", part[i + 2], part[i + 3], part[i + 4])
            if (p == 38) fill = r
            else background = r
            i += 4
        }
    }
}

# A run of one style at the current column.
function put(text,    n, attributes, front, back) {
    n = columns_of(text)
    if (n == 0)
        return
    front = fill == "" ? ink : fill
    back = background
    if (is_reversed) {
        back = front
        front = background == "" ? paper : background
    }
    if (back != "")
        body = body sprintf("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n",
                            left + column * cell, y - ascent, n * cell, line_height, back)
    if (text !~ /^ *$/) {
        gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
        attributes = ""
        if (front != ink) attributes = attributes " fill=\"" front "\""
        if (is_bold) attributes = attributes " font-weight=\"bold\""
        if (is_dim) attributes = attributes " fill-opacity=\".62\""
        if (is_italic) attributes = attributes " font-style=\"italic\""
        if (is_underlined) attributes = attributes " text-decoration=\"underline\""
        body = body sprintf("<text x=\"%.1f\" y=\"%.1f\" textLength=\"%.1f\"%s>%s</text>\n",
                            left + column * cell, y, n * cell, attributes, text)
    }
    column += n
    if (column > widest)
        widest = column
}

BEGIN {
    split("#45475a #f38ba8 #a6e3a1 #f9e2af #89b4fa #cba6f7 #94e2d5 #bac2de " \
          "#6c7086 #f38ba8 #a6e3a1 #f9e2af #89b4fa #cba6f7 #94e2d5 #ffffff", colors, " ")
    for (i = 1; i <= 16; i++)
        palette[i - 1] = colors[i]
    ink = "#cdd6f4"; paper = "#1e1e2e"
    cell = 8.4; line_height = 20; ascent = 15; left = 16; bar = 36
    plain()
}

{
    sub(/\r$/, "")
    column = 0
    y = bar + 8 + (NR - 1) * line_height + ascent
    rest = $0
    while (match(rest, /\033\[[0-9;:]*m/)) {
        put(substr(rest, 1, RSTART - 1))
        set_style(substr(rest, RSTART + 2, RLENGTH - 3))
        rest = substr(rest, RSTART + RLENGTH)
    }
    gsub(/[\001-\010\013-\037]/, "", rest)
    put(rest)
    if (column > 0)
        last_row = NR
    if (column > 0)
        kept = body # empty lines at the end are cut off
}

END {
    if (columns + 0 == 0)
        columns = widest
    width = columns * cell + 2 * left
    height = bar + 8 + last_row * line_height + 14
    gsub(/&/, "\\&amp;", title); gsub(/</, "\\&lt;", title)
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%d\" " \
           "viewBox=\"0 0 %.0f %d\" role=\"img\">\n", width, height, width, height
    if (title != "")
        printf "<title>%s</title>\n", title
    printf "<rect width=\"%.0f\" height=\"%d\" rx=\"9\" fill=\"%s\"/>\n", width, height, paper
    split("#f38ba8 #f9e2af #a6e3a1", dots, " ")
    for (i = 1; i <= 3; i++)
        printf "<circle cx=\"%d\" cy=\"19\" r=\"6\" fill=\"%s\"/>\n", left + 6 + (i - 1) * 20, dots[i]
    if (title != "")
        printf "<text x=\"%.0f\" y=\"23\" text-anchor=\"middle\" fill=\"#a6adc8\" " \
               "font-family=\"system-ui, sans-serif\" font-size=\"13\">%s</text>\n", width / 2, title
    printf "<g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, " \
           "monospace\" font-size=\"14\" fill=\"%s\" " \
           "xml:space=\"preserve\">\n%s</g>\n</svg>\n", ink, kept
}'
