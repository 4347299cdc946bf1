"""One HTML file out of a template, styles, scripts and data; whatever comes from outside is escaped or inert."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any


def assemble(package: str, scripts: Sequence[str], parts: Mapping[str, str]) -> str:
    """`page.html` of a package's assets/ with every `{{part}}` in its place; the scripts, in order, are one.

    Beside `parts`, which must be HTML or inert already, the template has `{{style}}` (`page.css`), `{{script}}` and
    its `{{digest}}`, by which a content security policy lets this page's own script run and no other.
    """
    script = '"use strict";\n(() => {\n' + "\n".join(_asset(package, f"{name}.js") for name in scripts) + "\n})();\n"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    every = {**parts, "digest": digest, "style": _asset(package, "page.css"), "script": script}
    return re.sub(r"\{\{(\w+)\}\}", lambda match: every[match[1]], _asset(package, "page.html"))


def inert(data: Mapping[str, Any]) -> str:
    """JSON in which nothing can end or open an HTML element; raises ValueError for NaN and infinity."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _asset(package: str, name: str) -> str:
    return (files(package) / "assets" / name).read_text(encoding="utf-8")
