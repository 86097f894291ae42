#!/bin/bash
# Succeeds when GET /health answers 200. The image has no HTTP client; bash opens the connection.
set -eu
port=${COINSPHERE_LISTEN##*:}
exec 3<>"/dev/tcp/127.0.0.1/${port:-3001}"
printf 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 4 status <&3
case $status in
    'HTTP/1.1 200 '*) ;;
    *) echo "$status" >&2; exit 1 ;;
esac
