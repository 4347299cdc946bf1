"""Validation: whole sequences are decoded, as they are in use."""

from collections.abc import Mapping, Sequence

import numpy as np
from accelerate import Accelerator
from accelerate.utils import gather_object

from vatt_harmony.align.bootstrap import group_means
from vatt_harmony.align.by_count import Pairs, pair_scores
from vatt_harmony.align.config import DecodeConfig
from vatt_harmony.align.decode import predict_all
from vatt_harmony.align.metrics import scores
from vatt_harmony.align.network import NeuMatch
from vatt_harmony.align.sequence import NULL, AlignmentSequence, owners_of
from vatt_harmony.align.train.history import FIGURES, MATCHED, key
from vatt_harmony.errors import UserError


def validate(
    model: NeuMatch, sequences: Sequence[AlignmentSequence], decode: DecodeConfig, accelerator: Accelerator
) -> Mapping[str, float]:
    """Means over the groups of clip accuracy and sentence IoU; of three and more streams both are the pairs' F1.

    With them the share of items of the first stream that get a partner.
    All ranks must call it; each decodes its part, all get the same. Raises UserError where there is no truth.
    """
    places = range(accelerator.process_index, len(sequences), accelerator.num_processes)
    model.eval()
    predictions = predict_all(model, [sequences[place] for place in places], decode)
    mine = [
        (place, _figures(sequences[place], prediction.pairs))
        for place, prediction in zip(places, predictions, strict=True)
    ]
    every = mine if accelerator.num_processes == 1 else gather_object(mine)
    groups, names = [sequence.group for sequence in sequences], (*map(key, FIGURES), MATCHED)
    table = group_means(np.array([figures for _, figures in sorted(every)]).reshape(-1, len(names)), groups)
    if not np.isfinite(table).any(axis=0).all():
        raise UserError(
            "The validation sequences hold nothing that could be scored",
            "No epoch would be better than another",
            "Give sequences with clips, sentences and truth as data.val",
        )
    return dict(zip(names, np.nanmean(table, axis=0).tolist(), strict=True))


def _figures(sequence: AlignmentSequence, pairs: Pairs) -> tuple[float, float, float]:
    items = len(sequence.clips)
    matched = len(np.setdiff1d(pairs[:, 0], NULL)) / items if items else float("nan")
    if len(sequence.streams) == 2:
        found = scores(sequence, owners_of(pairs, items))
        return found.accuracy, found.iou, matched
    truth = np.zeros((0, len(sequence.streams)), np.int64) if sequence.pairs is None else sequence.pairs
    f1 = pair_scores(pairs, truth)[2]
    return f1, f1, matched
