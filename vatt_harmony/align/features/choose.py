"""The encoders that the options of `align prepare` name."""

from collections.abc import Sequence

from vatt_harmony.align.features.cache import CachedClips
from vatt_harmony.align.features.encoder import ClipEncoder, TextEncoder
from vatt_harmony.align.features.files import GivenFeatures
from vatt_harmony.align.features.frozen import FrozenVatt
from vatt_harmony.align.features.image import TimmClips
from vatt_harmony.align.features.text import TfidfTexts, TransformerTexts
from vatt_harmony.align.prepare_options import PrepareOptions
from vatt_harmony.downstream.ranks import usable_device
from vatt_harmony.model.loading import load_model


def choose_encoders(options: PrepareOptions, train: Sequence[str]) -> tuple[ClipEncoder | None, TextEncoder]:
    """What encodes clips (None: nothing, they are made) and sentences; word counts are fitted on the texts `train`."""
    device = usable_device(options.device)
    cache = options.cache or options.out / "cache"
    if options.encoder is not None:
        model, processor = load_model(options.encoder, device)
        vatt = FrozenVatt(
            model, processor, mode=options.mode, sound=options.sound, short=options.short, batch=options.batch
        )
        return CachedClips(vatt, cache), _named_texts(options, train, device) or vatt
    if options.image is not None:
        images = TimmClips(options.image, options.image_weights, options.frames, device)
        return CachedClips(images, cache), _named_texts(options, train, device) or _word_counts(options, train)
    if options.features is not None:
        given = GivenFeatures(options.features)
        return given, _named_texts(options, train, device) or given
    return None, _named_texts(options, train, device) or _word_counts(options, train)


def _named_texts(options: PrepareOptions, train: Sequence[str], device: str) -> TextEncoder | None:
    if options.text is None:
        return None
    if options.text == "tfidf":
        return _word_counts(options, train)
    return TransformerTexts(options.text, options.batch, device)


def _word_counts(options: PrepareOptions, train: Sequence[str]) -> TfidfTexts:
    return TfidfTexts(train, options.width, options.seed)
