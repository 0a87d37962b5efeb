#!/usr/bin/env bash
# Rotates the signing key when it is due. For cron or CI, if you do not use the stack's schedule (KeyRotationDays).
#
#   GATEPASS_TABLE=… AWS_REGION=… scripts/rotate-keys.sh [DAYS]      DAYS: rotate a key older than this (default 90)
#
# You can interrupt it at any time and run it again. Exit status: 0 rotated or nothing to do, 1 failed (see the message).
# docs/operations.md has the lines for cron and for a CI schedule, and the permissions that they need.
set -euo pipefail
days=${1:-90}
gatepass=$(dirname "$0")/../.venv/bin/gatepass
[ -x "$gatepass" ] || gatepass=gatepass
command -v "$gatepass" >/dev/null || { echo "rotate-keys: the gatepass command was not found: run make setup" >&2; exit 1; }
exec "$gatepass" keys rotate --older-than "$days"
