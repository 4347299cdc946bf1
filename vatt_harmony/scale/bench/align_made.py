"""Made features for the structure of the YouTube Movie Summaries: how well what can be learnt is learnt, by noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vatt_harmony.align.baselines.feature_free import oracle
from vatt_harmony.align.config import AlignConfig, NetworkConfig, OptimConfig, TrainConfig
from vatt_harmony.align.data.attach import encode_texts
from vatt_harmony.align.data.joint import RidgeJoint, cross_fitted
from vatt_harmony.align.data.synthetic import Images, with_images
from vatt_harmony.align.data.tfidf import HashedTfidf
from vatt_harmony.align.decode import predict_all
from vatt_harmony.align.metrics import scores
from vatt_harmony.align.sequence import AlignmentSequence, Owners, owners_of
from vatt_harmony.align.train.fit import fit

Films = Sequence[AlignmentSequence]
WIDTH = 100
"""Of all features."""
RECIPE = AlignConfig(
    network=NetworkConfig(width=64, window=3),
    optim=OptimConfig(patience=5),
    train=TrainConfig(epochs=24, batch=16, validate_every=4),
)


@dataclass(frozen=True, kw_only=True)
class Reached:
    """Clip accuracies, fractions, means over films."""

    validation: float
    test: float


def reached(
    splits: Mapping[str, Films], noise: float, *, content: bool = True, recipe: AlignConfig = RECIPE
) -> Reached:
    """What an aligner reaches that is trained on `train` and chosen on `val`, of the splits with texts and truth.

    content: False for an aligner that sees positions alone. The window reads a map that is fitted on `train`.
    """
    made = made_features(splits, noise)
    network = replace(recipe.network, content=content, window=recipe.network.window if content else 0)
    fitted = fit(replace(recipe, network=network), made["train"], made["val"])
    predictions = predict_all(fitted.model, made["test"], recipe.decode)
    found = [owners_of(each.pairs, len(film.clips)) for each, film in zip(predictions, made["test"], strict=True)]
    return Reached(validation=fitted.figures["validation/accuracy"], test=accuracy(made["test"], found))


def made_features(splits: Mapping[str, Films], noise: float) -> dict[str, Films]:
    """The splits with features of their texts, noisy images of these as clips, and joint ones fitted on `train`."""
    encode = HashedTfidf([text for film in splits["train"] for text in film.sentences.texts], WIDTH)
    told = {split: [encode_texts(film, encode) for film in films] for split, films in splits.items()}
    images = Images(width=WIDTH, noise=noise)
    shown = {
        split: [with_images(film, images, [*told["train"], *films]) for film in films] for split, films in told.items()
    }
    joint = RidgeJoint(shown["train"])
    return {
        split: cross_fitted(films) if split == "train" else [joint(film) for film in films]
        for split, films in shown.items()
    }


def ceiling(films: Films) -> float:
    """Clip accuracy of the oracle: what whole clips allow."""
    return accuracy(films, [oracle(film) for film in films])


def accuracy(films: Films, found: Sequence[Owners]) -> float:
    """Clip accuracy, mean over films."""
    every = [scores(film, owners).accuracy for film, owners in zip(films, found, strict=True)]
    return sum(every) / len(every)
