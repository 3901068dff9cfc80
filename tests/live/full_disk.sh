#!/usr/bin/env bash
# --out on a disk that fills up: one line says so, and no half-written file stays. The disk is a tmpfs that only this
# test sees, in a mount namespace of its own; an ordinary user gets one where user namespaces are allowed.
source "$(dirname "$0")/../support/lib.sh"
apart=(unshare -m)
[ "$(id -u)" = 0 ] || apart=(unshare -rm)
"${apart[@]}" mount -t tmpfs none /mnt 2>/dev/null || skip "mounting takes a mount namespace, which is not allowed here"

mkdir "$work/small"
# The private server refuses to be root, which is what an ordinary user is in there: a server that runs already serves.
start_server given
uri="postgresql://boss:master-key@/postgres?host=$server_dir&port=$server_port"
status=0
"${apart[@]}" bash -c "mount -t tmpfs -o size=64k none '$work/small' && \
  '$PGRACE' run --dsn '$uri' --rounds 300 --out '$work/small'; \
  status=\$?; ls -A '$work/small' >'$work/left'; exit \$status" >"$work/out" 2>"$work/err" || status=$?
same "exit status with a full disk" $status 5
same "lines of the error" "$(grep -c '^pgrace: ' "$work/err")" 1
says err "No space left on device"
same "files left on the full disk" "$(cat "$work/left")" ""
same "databases left behind" "$(boss -c "SELECT count(*) FROM pg_database WHERE datname LIKE 'pgrace%'")" 0
no_leftovers
