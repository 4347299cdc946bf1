"""The launch scripts up to the program they start: a stand-in for Python prints what it was called with."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.readme import PROJECT, stamp

SCRIPTS = sorted(path for path in (PROJECT / "launch").iterdir() if path.suffix in (".sh", ".slurm"))
# `-c` is a question of the script (devices, a free port); everything else is the program.
PYTHON = """#!/usr/bin/env bash
if [ "$1" = -c ]; then echo 0; exit; fi
echo "called: $*"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The scripts in a folder that is set up, with the stand-in as its Python."""
    shutil.copytree(PROJECT / "launch", tmp_path / "launch")
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    _program(tmp_path / ".venv" / "bin" / "python", PYTHON)
    (tmp_path / ".venv" / ".installed").write_text(stamp(tmp_path))
    return tmp_path


@pytest.mark.parametrize("script", [*SCRIPTS, PROJECT / ".ci" / "run"], ids=lambda path: path.name)
def test_scripts_are_executable_and_parse(script: Path) -> None:
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


def test_demo_hands_its_arguments_on(project: Path) -> None:
    assert _run(project, "./launch/demo.sh", "--steps", "2") == "called: -m vatt_harmony demo --steps 2\n"


def test_one_machine(project: Path) -> None:
    called = _run(project, "./launch/pretrain.sh", "a.yaml", "--seed", "1", NUM_RANKS="3")
    assert "--num_gpus 3" in called
    assert called.endswith("--module vatt_harmony pretrain a.yaml --seed 1\n")


def test_finetune_by_either_launcher(project: Path) -> None:
    called = _run(project, "./launch/finetune.sh", "a.yaml", "--seeds", "2", NUM_RANKS="2")
    assert called.startswith("called: -m vatt_harmony.finetune.launcher ") and "--num_processes 2" in called
    assert called.endswith("--multi_gpu -m vatt_harmony finetune a.yaml --seeds 2\n")
    called = _run(project, "./launch/finetune.sh", "a.yaml", LAUNCHER="deepspeed", NUM_RANKS="1")
    assert "deepspeed.launcher.runner --num_gpus 1" in called
    assert called.endswith("--module vatt_harmony finetune a.yaml\n")
    assert "Nothing was started" in _run(project, "./launch/finetune.sh", "a.yaml", status=2, LAUNCHER="other")


def test_several_machines_by_torchrun(project: Path) -> None:
    place = {"NODES": "2", "NODE_RANK": "1", "MASTER_ADDR": "first", "NUM_RANKS": "8"}
    called = _run(project, "./launch/pretrain_torchrun.sh", "a.yaml", **place)
    assert "--nnodes 2 --node_rank 1 --master_addr first --master_port 29500 --nproc_per_node 8" in called


def test_several_machines_by_hostfile_with_and_without_ssh(project: Path) -> None:
    (project / "hosts").write_text("first slots=8\nsecond slots=8\n")
    called = _run(project, "./launch/pretrain_hostfile.sh", "hosts", "a.yaml")
    assert "--hostfile hosts" in called and "--no_ssh" not in called
    called = _run(project, "./launch/pretrain_hostfile.sh", "hosts", "a.yaml", NODE_RANK="1", MASTER_ADDR="first")
    assert "--master_addr first --no_ssh --node_rank 1" in called
    assert "does not exist" in _run(project, "./launch/pretrain_hostfile.sh", "nohosts", "a.yaml", status=2)


def test_slurm_job_stops_with_a_checkpoint_and_queues_itself_again(project: Path) -> None:
    # srun hands the signal on; the ranks write a checkpoint and exit 0.
    wait = 'sleep 0.3\necho "srun $* at $MASTER_ADDR"\nfor _ in {1..200}; do sleep 0.05; done\n'
    srun = 'trap "echo checkpoint; exit 0" USR1\n' + wait
    scontrol = 'case $1 in show) printf "first\\nsecond\\n";; *) echo "scontrol $*";; esac\n'
    for name, text in (("srun", srun), ("scontrol", scontrol)):
        _program(project / "slurm" / name, "#!/usr/bin/env bash\n" + text)
    environment = {
        **os.environ,
        "PATH": f"{project / 'slurm'}:{os.environ['PATH']}",
        "SLURM_SUBMIT_DIR": str(project), "SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_ID": "7",
    }  # fmt: skip
    log = project / "slurm.out"
    with log.open("w") as out:
        job = subprocess.Popen(["bash", "launch/pretrain.slurm", "a.yaml"], cwd=project, env=environment, stdout=out)
        deadline = time.monotonic() + 20
        while "srun" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        job.send_signal(signal.SIGUSR1)
        assert job.wait(timeout=20) == 0
    called, *rest = log.read_text().splitlines()
    assert called.endswith("-m vatt_harmony pretrain a.yaml at first")
    assert rest == ["checkpoint", "scontrol requeue 7"]


def test_setup_without_a_usable_python_says_so(project: Path) -> None:
    shutil.rmtree(project / ".venv")
    said = _run(project, "./launch/setup.sh", status=1, PYTHON="/nonexistent/python")
    assert "no Python 3.11 or newer among: /nonexistent/python" in said
    assert not (project / ".venv").exists()


def test_an_interrupted_installation_is_removed_first(project: Path) -> None:
    (project / ".venv" / ".installed").rename(project / ".venv" / ".installing")
    said = _run(project, "./launch/setup.sh", status=1, PYTHON="/nonexistent/python")
    assert "interrupted" in said
    assert not (project / ".venv").exists()


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _run(folder: Path, *command: str, status: int = 0, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, timeout=30, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.returncode == status, done.stdout
    return done.stdout
