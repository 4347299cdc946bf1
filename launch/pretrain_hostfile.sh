#!/usr/bin/env bash
# Pretraining on several machines by DeepSpeed's hostfile (lines such as `node1 slots=8`). The project lies under the
# same path on all of them, and ./launch/setup.sh has run there.
#
# With passwordless ssh and pdsh, once, on any of them:
#   ./launch/pretrain_hostfile.sh HOSTFILE configs/pretrain/NAME.yaml [--dotted.override value ...]
#
# Without ssh, on every one of them, R counting from 0 in the order of the file:
#   NODE_RANK=R MASTER_ADDR=node1 ./launch/pretrain_hostfile.sh HOSTFILE configs/pretrain/NAME.yaml ...
#
# MASTER_PORT=...  port of the process group on the first machine (default 29500)
#
# To end a run with a checkpoint, send SIGTERM to its `python -m vatt_harmony` processes (one of them is enough).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
hostfile=${1:?give a hostfile, then a configuration}
shift
if [ ! -f "$hostfile" ]; then
    echo "Hostfile $hostfile does not exist. DeepSpeed would train on this machine alone. Give a file of 'HOST slots=N' lines." >&2
    exit 2
fi
"$root/launch/setup.sh"
export PATH="$root/.venv/bin:$PATH"

where=(--hostfile "$hostfile" --master_port "${MASTER_PORT:-29500}")
if [ -n "${MASTER_ADDR:-}" ]; then where+=(--master_addr "$MASTER_ADDR"); fi
if [ -n "${NODE_RANK:-}" ]; then
    : "${MASTER_ADDR:?name the first machine: without ssh DeepSpeed cannot find its address}"
    where+=(--no_ssh --node_rank "$NODE_RANK")
fi
exec python -m deepspeed.launcher.runner "${where[@]}" --module vatt_harmony pretrain "$@"
