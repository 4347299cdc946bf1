#!/usr/bin/env bash
# Makes .venv/ with everything the project needs. Called by the other scripts; safe to run again: if nothing
# changed since the last time it returns at once.
#
# PYTHON=...   the Python to build on (default: the first of python3, python3.14 ... python3.11 that is new enough).
# A torch that this Python already has is kept, so that a machine's own CUDA build stays in use.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=.venv
stamp=$venv/.installed         # what was installed; written last
unfinished=$venv/.installing   # present while an installation runs: found later, it was interrupted
log=$venv/install.log

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
    say "$1"
    shift
    printf '       %s\n' "$@" >&2
    exit 1
}

# The path belongs to it: a virtual environment cannot be moved.
state() { printf '%s\n' "$PWD" "$(cat pyproject.toml launch/constraints.txt | cksum)"; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    local name
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if new_enough "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
    fail "no Python 3.11 or newer among: ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}" \
        "Install one, or name it: PYTHON=/path/to/python3.12 $0"
}

# Version of a package that the given Python sees; empty if none.
version_of() {
    "$1" -c 'import sys, importlib.metadata as m; print(m.version(sys.argv[1]))' "$2" 2>/dev/null || true
}

# The torch of the calling Python, if the project can use it (2.11 or newer, importable); empty otherwise.
usable_torch() {
    "$1" - 2>/dev/null <<'PYTHON' || true
import torch

version = torch.__version__
if tuple(int(part) for part in version.split("+")[0].split(".")[:2]) >= (2, 11):
    print(version)
PYTHON
}

# Minutes of silence frighten; so each part says what it does, and a failure shows the end of pip's own words.
install() {
    local part=$1 start=$SECONDS
    shift
    say "$part ..."
    if ! "$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check "$@" </dev/null >>"$log" 2>&1; then
        tail -n 15 "$log" >&2
        fail "installing failed ($part); the whole log is $PWD/$log" \
            "Usual causes: no package index within reach (see: pip config list), a full disk, no compiler for a package." \
            "After mending it, run the same command again: it starts afresh."
    fi
    say "$part: done in $((SECONDS - start)) s"
}

make_venv() {
    local python=$1 torch=$2
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
        fail "$python cannot make virtual environments (its venv or ensurepip module is missing)" \
            "On Debian and Ubuntu install the package python3-venv, or name another Python by PYTHON=..."
    if [ -z "$torch" ]; then
        "$python" -m venv "$venv"
        return
    fi
    say "keeping torch $torch of $("$python" -c 'import sys; print(sys.executable)')"
    "$python" -m venv --system-site-packages "$venv"
    # Where the calling Python is itself a virtual environment, its packages are not the system's.
    if [ -z "$(version_of "$venv/bin/python" torch)" ]; then
        "$python" -c 'import torch, pathlib; print(pathlib.Path(torch.__file__).parent.parent)' \
            >"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/calling_python.pth"
    fi
}

# Versions for pip: those of launch/constraints.txt, but a torch (and torchvision) of the calling Python counts as it is.
# Left to itself, pip may replace either by a CUDA build of several GB, because timm asks for torchvision.
constrain() {
    local kept
    kept=$("$venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

for name in ("torch", "torchvision"):
    try:
        package = distribution(name)
    except PackageNotFoundError:
        continue
    if not Path(str(package.locate_file(""))).resolve().is_relative_to(Path(sys.prefix).resolve()):
        print(f"{name}=={package.version}")
PYTHON
    )
    if [ -z "$kept" ]; then
        cp launch/constraints.txt "$venv/constraints.txt"
    else
        { grep -Ev '^(torch|torchvision)==' launch/constraints.txt; printf '%s\n' "$kept"; } >"$venv/constraints.txt"
    fi
}

# Two scripts started together: the second waits for the first.
if command -v flock >/dev/null; then
    exec 9<launch/setup.sh
    flock 9
fi

if [ -f "$stamp" ]; then
    if [ "$(cat "$stamp")" = "$(state)" ]; then exit 0; fi
    if [ "$(head -n 1 "$stamp")" != "$PWD" ]; then
        say "$venv was made in another folder; making it anew"
        rm -rf "$venv"
    fi
elif [ -f "$unfinished" ]; then
    say "an earlier installation was interrupted; starting afresh"
    rm -rf "$venv"
fi

started=$SECONDS
if [ ! -x "$venv/bin/python" ]; then
    python=$(find_python)
    torch=$(usable_torch "$python")
    say "building $PWD/$venv with $("$python" --version 2>&1) (once; some minutes and 2 GB, more with CUDA)"
    mkdir -p "$venv"
    touch "$unfinished"
    make_venv "$python" "$torch"
elif [ -f "$stamp" ]; then
    mv "$stamp" "$unfinished"
fi
constrain
install "1 of 2: torch" -c "$venv/constraints.txt" torch
install "2 of 2: vatt-harmony and its other packages" -c "$venv/constraints.txt" -e ".[dev]"
state >"$stamp"
rm -f "$unfinished"
say "ready after $((SECONDS - started)) s"
