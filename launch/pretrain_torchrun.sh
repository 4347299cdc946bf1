#!/usr/bin/env bash
# Pretraining by torchrun. On one machine:
#   ./launch/pretrain_torchrun.sh configs/pretrain/NAME.yaml [--dotted.override value ...]
# On N machines, on every one of them, R counting from 0:
#   NODES=N NODE_RANK=R MASTER_ADDR=node1 ./launch/pretrain_torchrun.sh configs/pretrain/NAME.yaml ...
#
# NUM_RANKS=...    ranks on this machine (default: its GPUs, else 2)
# MASTER_PORT=...  port of the process group on the first machine (default 29500)
#
# To end a run with a checkpoint, send SIGTERM to its `python -m vatt_harmony` processes (one of them is enough).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/launch/setup.sh"
export PATH="$root/.venv/bin:$PATH"

ranks=${NUM_RANKS:-$(python -c 'import torch; print(torch.cuda.device_count() or 2)')}
if [ "${NODES:-1}" = 1 ]; then
    where=(--standalone)
else
    : "${NODE_RANK:?number this machine from 0}" "${MASTER_ADDR:?name the first machine}"
    where=(--nnodes "$NODES" --node_rank "$NODE_RANK" --master_addr "$MASTER_ADDR" --master_port "${MASTER_PORT:-29500}")
fi
# Without the bare -- torchrun would take our --run for its own --run-path.
exec python -m torch.distributed.run "${where[@]}" --nproc_per_node "$ranks" --module -- vatt_harmony pretrain "$@"
