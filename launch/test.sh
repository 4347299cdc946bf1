#!/usr/bin/env bash
# The whole test suite. Arguments go to pytest: ./launch/test.sh tests/unit -k schedule
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./launch/setup.sh

# One process a core, one thread each; a file's tests stay together because they share what they start (ranks, media).
cores=$(getconf _NPROCESSORS_ONLN)
export OMP_NUM_THREADS=1
exec .venv/bin/python -m pytest -n "$((cores < 8 ? cores : 8))" --dist loadfile "$@"
