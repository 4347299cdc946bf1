#!/usr/bin/env bash
# Pretraining on this machine, under DeepSpeed, on all its devices.
#
#   ./launch/pretrain.sh configs/pretrain/NAME.yaml [--dotted.override value ...]
#
# NUM_RANKS=...    how many devices, or without GPUs how many processes on the CPU (default: all GPUs, else 2)
# MASTER_PORT=...  port of the process group (default: a free one)
#
# SIGTERM (or Ctrl-C) to this script ends the run after the current step with a checkpoint, and exit status 0.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/launch/setup.sh"
export PATH="$root/.venv/bin:$PATH"

devices=$(python -c 'import torch; print(torch.cuda.device_count())')
if [ "$devices" = 0 ]; then
    export DS_ACCELERATOR=cpu
    ranks=${NUM_RANKS:-2}
    # Otherwise each rank takes all cores, and they wait for one another.
    cores=$(getconf _NPROCESSORS_ONLN)
    export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((cores > ranks ? cores / ranks : 1))}
else
    ranks=${NUM_RANKS:-$devices}
fi
port=${MASTER_PORT:-$(python -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')}

# DeepSpeed's launcher kills its ranks 30 s after a signal; the ranks themselves take their time for a checkpoint.
stop_ranks() {
    python - "$launcher" <<'PYTHON' || true
import sys
import psutil

for node in psutil.Process(int(sys.argv[1])).children():
    for rank in node.children():
        rank.terminate()
PYTHON
}

python -m deepspeed.launcher.runner --num_gpus "$ranks" --master_port "$port" --log_level error \
    --module vatt_harmony pretrain "$@" &
launcher=$!
trap 'signalled=yes; stop_ranks' TERM INT
while true; do
    signalled=no
    wait "$launcher" && status=0 || status=$?
    [ "$signalled" = yes ] || exit "$status" # a signal ends `wait`, not the run
done
