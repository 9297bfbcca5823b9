#!/bin/sh
# Installs the Debian packages that building and testing weir needs and that are not there yet.
# Does nothing when all are there. Where it may not install, it prints the command and fails.
set -eu

missing=
need_command() { # command package
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need_library() { # pkg-config name, package
    pkg-config --exists "$1" 2>/dev/null || missing="$missing $2"
}

need_command "${CC:-cc}" gcc
[ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"
need_command cmake cmake
need_command ninja ninja-build
need_command pkg-config pkg-config
need_command bats bats
need_command scdoc scdoc
need_command mandoc mandoc
need_command tmux tmux
need_library libpcre2-8 libpcre2-dev
need_library jansson libjansson-dev
need_library libxxhash libxxhash-dev
need_library libedit libedit-dev
need_library cmocka libcmocka-dev
[ -n "$missing" ] || exit 0

# Without pkg-config every library looks missing; apt-get passes over those that are there.
command_line="apt-get install -y --no-install-recommends$missing"
if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" -eq 0 ]; then
        sudo=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        sudo="sudo -n"
    else
        echo "setup: missing packages; run:  sudo $command_line" >&2
        exit 1
    fi
    echo "setup: installing$missing" >&2
    $sudo apt-get update -qq >&2 || echo "setup: apt-get update failed; trying the lists at hand" >&2
    if ! DEBIAN_FRONTEND=noninteractive $sudo $command_line >&2; then
        echo "setup: apt-get failed; run it by hand:  sudo $command_line" >&2
        exit 1
    fi
    exit 0
fi
echo "setup: there is no apt-get here; install what these Debian packages hold:$missing" >&2
echo "setup: on Debian or Ubuntu:  sudo $command_line" >&2
exit 1
