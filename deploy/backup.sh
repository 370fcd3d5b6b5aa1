#!/bin/sh
# Dump the database to BACKUP_FOLDER every BACKUP_HOURS, and keep the newest BACKUP_KEEP dumps. `backup.sh once` makes one.
# A dump that fails leaves the others alone; it is tried again after five minutes.
set -eu
folder=${BACKUP_FOLDER:-/backups}

dump() {
    name="$folder/lockstitch-$(date -u +%Y%m%dT%H%M%SZ).dump"
    pg_dump --format=custom --file="$name.part" "$(cat "${DATABASE_URL_FILE:-/run/secrets/database_url}")" || return 1
    mv "$name.part" "$name"
    echo "wrote $name"
    find "$folder" -name 'lockstitch-*.dump' | sort -r | tail -n +$((${BACKUP_KEEP:-14} + 1)) | xargs -r rm --
}

[ "${1:-}" != once ] || { dump; exit; }
while :; do
    if dump; then sleep $((${BACKUP_HOURS:-24} * 3600)); else sleep 300; fi
done
