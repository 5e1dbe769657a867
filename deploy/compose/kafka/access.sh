#!/bin/bash
# Who may do what at the broker. Each service writes to its own topic alone, so that none can speak for another (a forged
# signing key on desk.accounts would open everything), reads what it subscribes to, and is in groups of its own name.
# desk.notifications alone has several writers, and one reader (ADR 0011). Nobody but `inbound` writes to desk.inbound. Runs in the image of the broker; may run again at any time, and adds only.
set -euo pipefail

properties=$(mktemp)
trap 'rm -f "$properties"' EXIT
cat >"$properties" <<END
security.protocol=SASL_PLAINTEXT
sasl.mechanism=PLAIN
sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
username="$DESK_KAFKA_SASL_USERNAME" password="$DESK_KAFKA_SASL_PASSWORD";
END

add() {
    "${KAFKA_HOME:-/opt/kafka}/bin/kafka-acls.sh" --bootstrap-server "$DESK_KAFKA_BOOTSTRAP" \
        --command-config "$properties" --add --force "$@" >/dev/null
}

# may SERVICE TOPIC-WRITTEN TOPIC-READ…
may() {
    local service=$1 written=$2 topics=()
    for topic in "${@:3}"; do topics+=(--topic "$topic"); done
    add --allow-principal "User:desk_$service" --operation Write --topic "$written"
    # By prefix for the groups: a new one follows after each refill, desk.tickets.0, desk.tickets.1, … The tool takes one
    # pattern for all it is given, and each of its runs costs seconds; no topic's name begins with another's.
    add --allow-principal "User:desk_$service" --operation Read "${topics[@]}" --group "desk.$service." \
        --resource-pattern-type prefixed
    echo "desk_$service writes to $written, reads ${*:3}"
}

# notifies SERVICE: it may have mail sent
notifies() {
    add --allow-principal "User:desk_$1" --operation Write --topic desk.notifications
    echo "desk_$1 writes to desk.notifications"
}

may gateway   desk.accounts  desk.sla desk.tickets
may ingestion desk.messages  desk.accounts desk.inbound desk.notifications desk.tickets
may tickets   desk.tickets   desk.accounts desk.messages desk.routing desk.sla
may routing   desk.routing   desk.accounts desk.tickets
may sla       desk.sla       desk.accounts desk.tickets
may analytics desk.insights  desk.accounts desk.messages desk.routing desk.sla desk.tickets
may knowledge desk.knowledge desk.accounts
notifies gateway
notifies tickets

add --allow-principal User:inbound --operation Write --topic desk.inbound
echo "inbound writes to desk.inbound"
