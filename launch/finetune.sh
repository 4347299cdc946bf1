#!/usr/bin/env bash
# Fine-tuning on this machine, on all its devices, by Accelerate's launcher.
#
#   ./launch/finetune.sh configs/finetune/NAME.yaml [--run DIR] [--seeds N] [--compare ROW,...] [--dotted.override value ...]
#
# NUM_RANKS=...       how many devices, or without GPUs how many processes on the CPU (default: all GPUs, else 1)
# LAUNCHER=deepspeed  start the ranks by DeepSpeed's launcher instead; either way `--train.deepspeed FILE` trains by ZeRO
# MASTER_PORT=...     port of the process group (default: a free one)
#
# SIGTERM (or Ctrl-C) to this script ends the run after the current step with a checkpoint, and exit status 0.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/launch/setup.sh"
export PATH="$root/.venv/bin:$PATH"

devices=$(python -c 'import torch; print(torch.cuda.device_count())')
if [ "$devices" = 0 ]; then
    export DS_ACCELERATOR=cpu
    ranks=${NUM_RANKS:-1}
    # Otherwise each rank takes all cores, and they wait for one another.
    cores=$(getconf _NPROCESSORS_ONLN)
    export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((cores > ranks ? cores / ranks : 1))}
else
    ranks=${NUM_RANKS:-$devices}
fi
port=${MASTER_PORT:-$(python -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')}

case ${LAUNCHER:-accelerate} in
accelerate)
    between=0 # processes between the launcher and its ranks
    launch=(-m vatt_harmony.finetune.launcher --num_machines 1 --num_processes "$ranks" --main_process_port "$port"
        --mixed_precision no --dynamo_backend no)
    if [ "$ranks" -gt 1 ]; then launch+=(--multi_gpu); fi # on CPUs too: it means several processes
    launch+=(-m)
    ;;
deepspeed)
    between=1
    launch=(-m deepspeed.launcher.runner --num_gpus "$ranks" --master_port "$port" --log_level error --module)
    ;;
*)
    echo "LAUNCHER is '$LAUNCHER'. Nothing was started. Give accelerate or deepspeed." >&2
    exit 2
    ;;
esac

# Launchers kill their ranks 30 s after a signal; the ranks themselves take their time for a checkpoint.
stop_ranks() {
    python - "$launcher" "$between" <<'PYTHON' || true
import sys
import psutil

ranks = psutil.Process(int(sys.argv[1])).children()
for _ in range(int(sys.argv[2])):
    ranks = [child for process in ranks for child in process.children()]
for rank in ranks:
    rank.terminate()
PYTHON
}

python "${launch[@]}" vatt_harmony finetune "$@" &
launcher=$!
trap 'signalled=yes; stop_ranks' TERM INT
while true; do
    signalled=no
    wait "$launcher" && status=0 || status=$?
    [ "$signalled" = yes ] || exit "$status" # a signal ends `wait`, not the run
done
