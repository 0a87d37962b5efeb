#!/usr/bin/env bash
# Rotates the signing key when it is due: for cron or CI, where the stack's own schedule (KeyRotationDays) is not wanted.
#
#   GATEPASS_TABLE=… AWS_REGION=… scripts/rotate-keys.sh [DAYS]      DAYS: rotate a key that is older (default 90)
#
# It can be ended at any time and run again. Exit status: 0 rotated or nothing to do, 1 failed: see the message.
set -euo pipefail
days=${1:-90}
gatepass=$(dirname "$0")/../.venv/bin/gatepass
[ -x "$gatepass" ] || gatepass=gatepass
command -v "$gatepass" >/dev/null || { echo "rotate-keys: there is no gatepass here: make setup makes it" >&2; exit 1; }
"$gatepass" keys rotate --older-than "$days"
"$gatepass" keys list
