"""Row 04.7: every published recipe, end to end, on a miniature of its set: official layout, split sizes, shapes."""

import logging
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

from vatt_harmony.config import load_config, shipped_file
from vatt_harmony.figures import Figure
from vatt_harmony.finetune.config import FinetuneConfig
from vatt_harmony.finetune.miniature import miniature_run
from vatt_harmony.finetune.sets import load_set
from vatt_harmony.finetune.train.run import finetune
from vatt_harmony.scale.bench.suite import Options, Row, measured, measures

log = logging.getLogger(__name__)

SPLITS = {
    "crema_d_resnet": (4043, 878, 899),
    "crema_d_conformer": (4043, 878, 899),
    "ave_resnet": (3339, 402, 402),
    "ucf101_51_resnet": (4350, 543, 1944),
    "kinetics_sounds_resnet": (20258, 2263, 1532),
    "esc50_vatt": (1450, 150, 400),
    "esc50_linear": (1450, 150, 400),
    "kinetics400_vatt": (229784, 4800, 20000),
    "hmdb51_vatt": (3213, 357, 1530),
}
"""Recipe -> clips to train, to validate, to test in its first fold; `miniature.layouts` tells where they come from."""
STEPS = 2
MEASURES = measures(
    "04.7",
    ("published recipes that train, validate and test on their miniature", f"== {len(SPLITS)}", ""),
    ("of them with the split sizes of the set", f"== {len(SPLITS)}", ""),
)


def _run(options: Options) -> Sequence[Figure]:
    ran = sized = 0
    for name, sizes in SPLITS.items():
        recipe = load_config(FinetuneConfig, shipped_file(f"configs/finetune/{name}.yaml"))
        with tempfile.TemporaryDirectory() as folder:
            config = miniature_run(recipe, Path(folder), steps=STEPS)
            ran += runs(name, config)
            labelled = load_set(config.data, config.task.kind)
        found = tuple(len(labelled.split(split)) for split in ("train", "val", "test"))
        if found != sizes:
            log.warning("%s has splits of %s clips, not %s", name, found, sizes)
        sized += found == sizes
    return measured(MEASURES, ran, sized)


def runs(name: str, config: FinetuneConfig) -> bool:
    """Whether a fine-tune of STEPS steps gives finite losses and reads every clip it asks for."""
    result = finetune(config)
    fine = result.updates == STEPS and math.isfinite(result.test["loss"]) and not any(result.failures.values())
    if not fine:
        log.warning("%s: %d steps, test %s, unread %s", name, result.updates, result.test, result.failures)
    return fine


ROW = Row(
    id="04.7",
    title="recipes of published sets on miniatures of their layout and size",
    takes="4 minutes",
    measures=MEASURES,
    run=_run,
)
