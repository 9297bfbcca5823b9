#!/bin/sh
# make_man.sh WEIR VERB FRAGMENTS OUT: the man page of a verb ("train-run" is `weir train run`), or of
# the program where VERB is "weir". The program writes what its tables know; FRAGMENTS (docs/man) has
# the rest: VERB.scd where there is more to say, and the exit codes that all pages share.
set -eu
weir=$1 verb=$2 fragments=$3 out=$4

case $verb in
weir) set -- ;;
*-*) set -- "${verb%%-*}" "${verb#*-}" ;;
*) set -- "$verb" ;;
esac
trap 'rm -f "$out.scd" "$out.tmp"' EXIT
{
    "$weir" help --scdoc "$@"
    [ ! -e "$fragments/$verb.scd" ] || cat "$fragments/$verb.scd"
    cat "$fragments/end.scd"
    echo
    "$weir" help --scdoc-end
} >"$out.scd"
scdoc <"$out.scd" >"$out.tmp"
# scdoc begins paragraphs that hold nothing: after headings, and before the end of an indented part,
# where they make the space to what follows. Moved behind that end, or left out where a heading
# comes, they do the same, and mandoc -T lint has nothing to say.
awk '
    /^\.PP?$/ { is_held = !after_heading; next }
    /^\.RE/ { print; next }
    { if (is_held && !/^\.(SH|SS)/)
          print ".PP"
      is_held = 0
      after_heading = /^\.(TH|SH|SS)/
      print }' "$out.tmp" >"$out"
