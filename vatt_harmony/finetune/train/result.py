"""What a fine-tune came to, in memory and as `result.json`; means over seeds."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

from vatt_harmony.engine.files import write_json_atomically
from vatt_harmony.figures import Figure
from vatt_harmony.finetune.train.history import Epoch

FORMAT = 1
RESULT, PREDICTIONS = "result.json", "predictions.npz"


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Outputs of the network for the items of one split, in the order of the items."""

    keys: tuple[str, ...]
    """Of the N items that could be read."""
    targets: NDArray[Any]
    """Integers `[N]`, or 0 and 1 `[N, C]`, or numbers `[N]`."""
    outputs: Mapping[str, NDArray[np.float32]]
    """Logits `[N, C]`, means over views: `fused`, of the head of each modality that has one, and fused ones with
    features taken away, such as `without audio+video` and `permuted audio`. Of a head NaN where its modality is
    missing."""

    def save(self, path: Path) -> None:
        """Write an npz with `keys`, `targets` and `outputs/NAME`."""
        outputs = {f"outputs/{name}": values for name, values in self.outputs.items()}
        np.savez(path, keys=np.array(self.keys), targets=self.targets, **outputs)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Read what `save` has written."""
        with np.load(path) as file:
            outputs = {name.partition("/")[2]: file[name] for name in file.files if name.startswith("outputs/")}
            return cls(keys=tuple(file["keys"].tolist()), targets=file["targets"], outputs=outputs)


@dataclass(frozen=True, kw_only=True)
class Result:
    """A finished fine-tune: what validation chose, and what the test, made once, said of that."""

    best_epoch: int
    """From 1; the network of `validation`, `test` and `predictions`."""
    validation: Mapping[str, float]
    """`accuracy`, … of the fused output, `accuracy/MODALITY`, … of each head; what each modality is worth to the fused
    accuracy: `shapley/MODALITY`, and the accuracy when its feature is zero, `without/MODALITY`, or that of
    another clip, `permuted/MODALITY`. Of multi-label sets it is the mAP, of regressions minus the squared error."""
    test: Mapping[str, float]
    """The same on the test split."""
    history: Sequence[Epoch]
    """One mapping an epoch."""
    trace: Sequence[Mapping[str, float]]
    """Means of training over stretches of steps, each with the `step` at its end; at most about 1000."""
    updates: int
    """Optimizer steps taken."""
    seconds: float
    """Wall-clock time of training, validations included, over all starts of the run."""
    failures: Mapping[str, Mapping[str, int]]
    """Split -> reason -> clips that this start of the run could not read, or with `data.missing: mask` not wholly."""
    predictions: Predictions
    """Of the test split."""

    def save(self, run: Path) -> None:
        """Write `result.json` and `predictions.npz` into the run folder. Rank 0 only."""
        self.predictions.save(run / PREDICTIONS)
        names = ("best_epoch", "validation", "test", "updates", "seconds", "failures", "history", "trace")
        write_json_atomically(run / RESULT, {"format": FORMAT} | {name: getattr(self, name) for name in names})

    @classmethod
    def load(cls, run: Path) -> "Result | None":
        """The result of a finished run, None of any other; figures that were not finite are NaN."""
        if not (run / RESULT).is_file():
            return None
        told = numbers(json.loads((run / RESULT).read_text(encoding="utf-8")))
        del told["format"]
        return cls(predictions=Predictions.load(run / PREDICTIONS), **told)


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean and its standard error s/√n; the error of a single value is NaN."""
    n = len(values)
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(n)) if n > 1 else math.nan


def mean_and_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and both ends of its 95 % interval by Student's t; NaN for those of a single value."""
    mean, error = mean_and_error(values)
    reach = error * float(student_t.ppf(0.975, len(values) - 1)) if len(values) > 1 else math.nan
    return mean, mean - reach, mean + reach


def known(value: float) -> float | None:
    """The value, None for NaN."""
    return None if math.isnan(value) else value


def figures(results: Sequence[Result]) -> list[Figure]:
    """Means over seeds of every test figure that all results have, with 95 % intervals where there are several."""
    names = [name for name in results[0].test if all(name in result.test for result in results)]
    told = []
    for name in names:
        mean, low, high = map(known, mean_and_interval([result.test[name] for result in results]))
        told.append(Figure(id=f"test/{name}", name=f"test {name}", value=mean, low=low, high=high, n=len(results)))
    return told


def numbers(value: Any) -> Any:
    """Figures as they were before JSON, which has no word for NaN."""
    if isinstance(value, dict):
        return {key: numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [numbers(item) for item in value]
    return math.nan if value is None else value
