#!/bin/sh
# Prints deploy/compose/.env.example with a secret of 192 bits for every password and key that is empty there.
# Needs nothing but a POSIX system.
set -eu

secret() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

while IFS= read -r line; do
    case $line in
    *PASSWORD= | *SECRET=) printf '%s%s\n' "$line" "$(secret)" ;;
    *) printf '%s\n' "$line" ;;
    esac
done <"$(dirname "$0")/.env.example"
