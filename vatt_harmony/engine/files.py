"""Writing small files of a run folder so that a reader never sees half of one."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_json_atomically(path: Path, value: Mapping[str, Any]) -> None:
    """Replace `path` by `value` as JSON in one move; numbers that are not finite become null."""
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(json.dumps(plain(value), indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)


def plain(value: Any) -> Any:
    """`value` with every NaN and infinity replaced by None: JSON has no word for them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
