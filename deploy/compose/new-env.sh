#!/bin/sh
# Prints deploy/compose/.env.example with a secret of 192 bits for every password and key that is empty there,
# and keys of the length that Garage and ingestion take.
# Needs nothing but a POSIX system.
set -eu

# secret BYTES
secret() {
    od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

while IFS= read -r line; do
    case $line in
    *PASSWORD= | *SECRET=) printf '%s%s\n' "$line" "$(secret 24)" ;;
    *ACCESS_KEY=) printf '%sGK%s\n' "$line" "$(secret 12)" ;;
    *S3_SECRET_KEY= | *RPC_KEY= | *SEALING_KEYS=) printf '%s%s\n' "$line" "$(secret 32)" ;;
    *) printf '%s\n' "$line" ;;
    esac
done <"$(dirname "$0")/.env.example"
