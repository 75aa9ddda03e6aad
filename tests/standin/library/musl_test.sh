#!/bin/sh
# Loads librejig.so into a program of musl's: usage: musl_test.sh SOURCE_FOLDER LIBRARY WORK_FOLDER
# Exit code 77: there is no musl-gcc here.
set -eu
command -v musl-gcc >/dev/null || {
    echo "skipped: musl-gcc is not installed (apt-get install musl-tools)"
    exit 77
}
mkdir -p "$3"
musl-gcc -std=gnu17 -D_GNU_SOURCE -Wall -Werror \
    -I "$1/src/agent/abi" -I "$1/src/shared/base" -I "$1/src/shared/clr" -I "$1/src/shared/wire" \
    -o "$3/musl_load" "$1/tests/standin/library/musl_load.c"
exec "$3/musl_load" "$2"
