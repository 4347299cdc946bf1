#!/usr/bin/env bash
# The main job on an embedded default: corpus, shards, harmonized pretraining, evaluation, export, fine-tuning, films
# aligned with sentences. Ten minutes on two CPU cores after installing. Arguments go to `vatt-harmony demo`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./launch/setup.sh
exec .venv/bin/python -m vatt_harmony demo "$@"
