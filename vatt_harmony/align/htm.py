"""How far similarities alone tell time, in the manner of HTM-Align: R@1 and ROC-AUC of sentences.

Source: Han et al., "Temporal Alignment Networks for Long-term Video", CVPR 2022; AUC by its definition, since the
paper's own values were wrong.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from vatt_harmony.align.baselines.joint import joint_of
from vatt_harmony.align.sequence import AlignmentSequence, Floats
from vatt_harmony.align.truth import truth_of
from vatt_harmony.figures import Figure


def by_second(similarity: Floats, clips: Floats) -> Floats:
    """Similarities of clips to sentences `[N, M]` as those of sentences to seconds `[M, T]`.

    Second t has the clip that covers t + 0.5, the first of several; -inf where none does. `clips` `[N, 2]` in seconds.
    """
    middles = np.arange(int(np.ceil(clips[:, 1].max(initial=0)))) + 0.5
    covers = (clips[:, :1] <= middles) & (middles < clips[:, 1:])
    if len(clips) == 0:
        return np.zeros((similarity.shape[1], 0))
    return np.where(covers.any(axis=0), similarity[covers.argmax(axis=0)].T, -np.inf)


def hits(similarity: Floats, spans: Floats) -> Floats:
    """1 for each sentence whose most similar second lies from floor(start) to ceil(end), else 0: `[M]`.

    `similarity` `[M, T]`, T > 0; `spans` `[M, 2]` in seconds. NaN, to be left out, for a sentence without a span.
    """
    best = similarity.argmax(axis=1)
    inside = (np.floor(spans[:, 0]) <= best) & (best <= np.ceil(spans[:, 1]))
    return np.where(np.isfinite(spans).all(axis=1), inside, np.nan)


def alignability_auc(score: Floats, alignable: NDArray[np.bool_]) -> float:
    """Chance that a sentence with a span scores above one without: ROC-AUC of `score` `[M]`, NaN for lack of either."""
    if alignable.all() or not alignable.any():
        return float("nan")
    return float(roc_auc_score(alignable, score))


def similarity_figures(sequences: Sequence[AlignmentSequence]) -> list[Figure]:
    """R@1 and ROC-AUC in percent of the joint features alone, over the sentences of all films with times."""
    timed = [each for each in sequences if each.has_joint and 0 not in each.lengths and truth_of(each).timed]
    if not timed:
        return []
    seconds = [by_second(1 - joint_of(each).distance, each.clips.spans) for each in timed]
    right = np.concatenate([hits(own, each.sentences.spans) for own, each in zip(seconds, timed, strict=True)])
    shown = np.isfinite(right)
    figures = [_figure("R@1", "most similar second right (R@1)", float(right[shown].mean()), int(shown.sum()))]
    if not shown.all():
        auc = alignability_auc(np.concatenate([own.max(axis=1) for own in seconds]), shown)
        figures.append(_figure("AUC", "shown or not (ROC-AUC)", auc, len(right)))
    return figures


def _figure(name: str, title: str, value: float, n: int) -> Figure:
    return Figure(
        id=f"align.similarity.{name}", name=f"joint features alone, {title}", value=100 * value, unit="%", n=n
    )
