"""How the user of this environment calls its programs."""

import shutil
import sys
from pathlib import Path


def program(name: str) -> str:
    """A program's name, or its path where the user's shell would not find it."""
    if shutil.which(name):
        return name
    path = Path(sys.executable).parent / name
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
