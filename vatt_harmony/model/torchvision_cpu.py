"""Makes `import torchvision` work where its published (CUDA) wheel stands beside a CPU build of torch.

transformers and timm import torchvision unguarded; there it fails with "operator torchvision::nms does not exist".
"""

import importlib.util
from pathlib import Path

import torch

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_definitions: list[torch.library.Library] = []  # a definition lives as long as its library object


def define_missing_operators() -> None:
    """Define the operators that torchvision registers shapes for, unless its own library brings them.

    To be called before the first import of torchvision; does nothing where torchvision is absent or whole.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or _definitions or _loads(Path(spec.submodule_search_locations[0])):  # type: ignore[index]
        return
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)  # type: ignore[no-untyped-call]
    _definitions.append(library)


def _loads(package: Path) -> bool:
    for path in [*package.glob("_C*.so"), *package.glob("_C*.pyd")]:
        try:
            torch.ops.load_library(str(path))  # type: ignore[no-untyped-call]
        except OSError:
            continue
        return True
    return False
