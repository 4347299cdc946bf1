"""The commands of a Markdown page, taken out and executed."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

MARK = "<!-- tested -->"
PROJECT = Path(__file__).parents[2]
PARTS = ("configs", "launch", "vatt_harmony", "pyproject.toml", "README.md", "LICENSE")
_BLOCK = re.compile(re.escape(MARK) + r"\s*\n```bash\n(.*?)^```", re.DOTALL | re.MULTILINE)


def marked_blocks(page: str) -> list[str]:
    """The ```bash blocks that directly follow a line `<!-- tested -->`, in their order."""
    return [match.group(1) for match in _BLOCK.finditer(page)]


def shortened(block: str, arguments: Mapping[str, str]) -> str:
    """The block with arguments put at the end of each command that a pattern of `arguments` is found in."""
    return "\n".join(_lengthen(line, arguments) for line in block.replace("\\\n", " ").splitlines())


def run_block(block: str, folder: Path, timeout: float) -> subprocess.CompletedProcess[str]:
    """Execute a block in `folder` as a reader would: with bash, the environment active, without a terminal."""
    environment = {**os.environ, "PATH": f"{folder}/.venv/bin:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], cwd=folder, env=environment, timeout=timeout,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def copy_project(folder: Path) -> None:
    """A copy of the project in `folder` that is set up already: with this process's packages in its .venv/."""
    for name in PARTS:
        place = PROJECT / name
        if place.is_dir():
            shutil.copytree(place, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(place, folder / name)
    venv = folder / ".venv"
    venv.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if not entry.name.startswith("."):
            (venv / entry.name).symlink_to(entry)
    (venv / ".installed").write_text(stamp(folder))


def stamp(folder: Path) -> str:
    """What launch/setup.sh leaves behind in .venv/.installed; with it, it finds nothing to do."""
    text = (folder / "launch" / "setup.sh").read_text()
    function = next(line for line in text.splitlines() if line.startswith("state()"))
    return subprocess.check_output(["bash", "-c", f"{function}; state"], cwd=folder, text=True)


def _lengthen(line: str, arguments: Mapping[str, str]) -> str:
    command, hash_sign, comment = line.partition(" #")
    added = [more for pattern, more in arguments.items() if re.search(pattern, command)]
    return " ".join([command.rstrip(), *added]) + (f"  #{comment}" if hash_sign else "")
