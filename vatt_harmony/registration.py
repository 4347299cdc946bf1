"""Lets transformers' Auto classes find this package's model without importing transformers up front."""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_AUTO = "transformers.models.auto"
_FOLLOW_UP = {
    f"{_AUTO}.configuration_auto": "vatt_harmony.model.hf_config",
    f"{_AUTO}.modeling_auto": "vatt_harmony.model.hf",
    f"{_AUTO}.processing_auto": "vatt_harmony.model.hf",
}
"""Module of an Auto class -> our module that registers itself there when it is imported."""


def register_with_transformers() -> None:
    """Register the model with each Auto class: now, or at the moment the class is first used.

    `import vatt_harmony` must stay cheap (importing transformers takes seconds), yet after it
    `AutoModel.from_pretrained` has to know the model, whichever of the two was imported first.
    """
    for auto, ours in _FOLLOW_UP.items():
        if auto in sys.modules:
            importlib.import_module(ours)
    if not any(isinstance(finder, _AutoFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AutoFinder())


class _AutoFinder(MetaPathFinder):
    """Finds nothing itself; has the imports it watches followed, or preceded, by one of ours."""

    def __init__(self) -> None:
        self._done: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in self._done or (fullname not in _FOLLOW_UP and fullname != "transformers"):
            return None
        self._done.add(fullname)
        if fullname == "transformers":  # most of its modules import torchvision
            importlib.import_module("vatt_harmony.model.torchvision_ops").prepare_torchvision()
            return None
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _FollowedLoader(spec.loader, _FOLLOW_UP[fullname])
        return spec


class _FollowedLoader(Loader):
    def __init__(self, loader: Loader, follow_up: str) -> None:
        self._loader, self._follow_up = loader, follow_up

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        importlib.import_module(self._follow_up)
