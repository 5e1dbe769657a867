#!/bin/sh
# Prints every Secret that deploy/k8s names, with passwords of 192 bits made up anew: keep what it prints, apply it once.
# Needs nothing but a POSIX system. Where the database is not CloudNativePG's, DESK_POSTGRES_ADDRESS names it (host:port).
# The object store is somebody else's: DESK_OBJECT_STORE, DESK_S3_ENDPOINT, DESK_S3_REGION, DESK_S3_ACCESS_KEY and
# DESK_S3_SECRET_KEY name it; what is not set is made up here, and has to be put right.
set -eu

postgres=${DESK_POSTGRES_ADDRESS:-desk-postgres-rw:5432}

# password [BYTES]
password() {
    od -An -v -N"${1:-24}" -tx1 /dev/urandom | tr -d ' \n'
}

# secret NAME [TYPE]; its lines `key: value` come from standard input
secret() {
    printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: { name: %s, namespace: desk }\ntype: %s\nstringData:\n' \
        "$1" "${2:-Opaque}"
    sed 's/^/  /'
}

administrator=$(password)
# Of ingestion and of tickets: each opens the links of customers without asking the other one.
portal=$(password)
urls=
for service in gateway ingestion tickets routing sla analytics knowledge; do
    database=$(password)
    url="postgresql://desk_$service:$database@$postgres/desk"
    urls="$urls${urls:+, }\"$service\": \"$url\""
    # All that this one service is told and others are not: every key is an environment variable.
    {
        echo "DESK_DATABASE_URL: $url"
        echo "DESK_KAFKA_SASL_USERNAME: desk-$service"
        echo "DESK_KAFKA_SASL_PASSWORD: $(password)"
        case $service in
        gateway)
            echo "DESK_GATEWAY_BOOTSTRAP_EMAIL: admin@example.com"
            echo "DESK_GATEWAY_BOOTSTRAP_PASSWORD: $administrator"
            echo "DESK_GATEWAY_KEY_SECRET: $(password)"
            ;;
        ingestion)
            echo "DESK_INGESTION_MAIL_ADDRESS: support@desk.example"
            echo "DESK_INGESTION_MAIL_NAME: Support"
            echo "DESK_PORTAL_SECRET: $portal"
            echo "DESK_INGESTION_SEALING_KEYS: $(password 32)"
            echo "DESK_OBJECT_STORE: ${DESK_OBJECT_STORE:-s3://desk/files}"
            echo "DESK_S3_ENDPOINT: ${DESK_S3_ENDPOINT:-https://s3.example.com}"
            echo "DESK_S3_REGION: ${DESK_S3_REGION:-us-east-1}"
            echo "DESK_S3_ACCESS_KEY: ${DESK_S3_ACCESS_KEY:-desk-ingestion}"
            echo "DESK_S3_SECRET_KEY: ${DESK_S3_SECRET_KEY:-$(password)}"
            echo "# DESK_INGESTION_SMTP_URL: smtp://user:password@mail.example.com:587"
            ;;
        tickets)
            echo "DESK_INGESTION_MAIL_NAME: Support"
            echo "DESK_PORTAL_SECRET: $portal"
            ;;
        esac
    } | secret "desk-$service"
    # The same password for CloudNativePG, which gives it to the role.
    printf 'username: desk_%s\npassword: %s\n' "$service" "$database" | secret "$service-database" kubernetes.io/basic-auth
done
printf 'DESK_KAFKA_SASL_USERNAME: desk-topics\nDESK_KAFKA_SASL_PASSWORD: %s\n' "$(password)" | secret desk-topics
printf 'sasl: scram_sha512\nusername: keda\npassword: %s\n' "$(password)" | secret desk-keda
printf 'username: inbound\npassword: %s\n' "$(password)" | secret desk-inbound
# What the operator's command knows: the files that an embedded desk keeps in its home.
{
    echo "run.json: '{\"url\": \"http://edge:8080\", \"database\": {\"urls\": {$urls}}}'"
    echo "secrets.json: '{\"administrator\": {\"email\": \"admin@example.com\", \"password\": \"$administrator\"}}'"
} | secret desk-operator
