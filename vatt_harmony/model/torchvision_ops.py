"""Lets torchvision, and timm with it, be imported where its C++ operators do not fit the installed torch."""

import importlib.util
from pathlib import Path

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_libraries: list[torch.library.Library] = []


def prepare_torchvision() -> bool:
    """Call before the first import of torchvision or timm; returns whether anything had to be done.

    The published torchvision wheel is built for CUDA. Beside a CPU build of torch its library does not load, and its
    import fails on `operator torchvision::nms does not exist`. Declaring the two operators (without an
    implementation; this package uses neither) is enough for the rest to work.
    """
    if _libraries or torch.version.cuda is not None or _operators_load():
        return False
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for schema in _SCHEMAS:
        library.define(schema)  # type: ignore[no-untyped-call]
    _libraries.append(library)  # the declarations live as long as this object
    return True


def _operators_load() -> bool:
    """Whether torchvision's own library provides the operators (also: there is no torchvision to mend)."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True
    for file in Path(spec.origin).parent.glob("_C*"):
        try:
            torch.ops.load_library(str(file))  # type: ignore[no-untyped-call]
        except (OSError, RuntimeError):
            return False
        return True
    return False
