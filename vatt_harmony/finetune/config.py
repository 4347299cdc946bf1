"""Everything a fine-tune is told, checked when it is written: data, inputs, networks, balancing and training."""

from dataclasses import dataclass, field
from typing import Any, Literal

Modality = Literal["video", "audio", "text"]
Position = Literal["random", "first", "center"]
"""Where a window lies in a longer clip: anywhere when training (then centred at test), at its start, in its middle."""


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which labelled set is read, and how it is split."""

    set: str
    """Name of an adapter of `finetune/sets`, such as `ave`, or `table` for a CSV file of your own."""
    root: str
    """Folder that holds the set in its official layout, or the CSV file of a `table`."""
    modalities: tuple[Modality, ...]
    """What the model is given, each once."""
    fold: int = 0
    """Which of the set's folds or official splits is tested, counted from 0."""
    label: str = ""
    """What is predicted where a set offers several: a word slot of GRID, a column of a table."""
    word_seconds: float = 0.0
    """Of `grid`: only so many seconds around the word that is asked for count; 0 is the whole clip."""
    features: str = ""
    """Folder inside `root` with vectors `KEY.npy` `[T, D]` that are read as the video modality; "" reads pictures."""
    val: float = 0.1
    """Share of the training groups held out for validation where the set has no validation split of its own."""
    workers: int = 2
    """Processes that read and decode; 0 = in the process of the trainer."""
    cache: Literal["none", "memory"] = "none"
    """`memory` decodes each clip once and keeps it in the trainer's process, without workers; for sets that fit."""
    missing: Literal["drop", "mask"] = "drop"
    """What becomes of a clip that lacks a modality: it is left out, or used without: the modality is not encoded, its
    features are zeros."""

    def __post_init__(self) -> None:
        _check("modalities", self.modalities, bool(self.modalities), "at least one")
        _check("modalities", self.modalities, len(set(self.modalities)) == len(self.modalities), "each once")
        _check("val", self.val, 0 < self.val < 1, "between 0 and 1")
        _at_least(self, 0, "fold", "workers", "word_seconds")
        _check("word_seconds", self.word_seconds, self.set == "grid" or not self.word_seconds, "0 for other sets")

    @property
    def loader_workers(self) -> int:
        """Worker processes of the loader: none where clips stay in memory, since each would decode its own copy."""
        return 0 if self.cache == "memory" else self.workers


@dataclass(frozen=True, kw_only=True)
class ViewsConfig:
    """Cuts of one clip whose logits are averaged at test."""

    clips: int = 1
    """Windows spread evenly over the clip, the same seconds for picture and sound."""
    crops: int = 1
    """Squares spread evenly along the picture's longer side: 1 is its centre, 3 its two ends too."""

    def __post_init__(self) -> None:
        _at_least(self, 1, "clips", "crops")

    @property
    def count(self) -> int:
        """Cuts of one clip (V)."""
        return self.clips * self.crops


@dataclass(frozen=True, kw_only=True)
class VideoConfig:
    """Frames given to the video encoder: uint8 `[T, H, W, 3]`, or feature vectors `[T, D]` from a file."""

    view: Literal["frames", "features"] = "frames"
    """Decoded pictures, or vectors read from a `.npy` file."""
    width: int = 1408
    """Length of the vectors of view `features` (D; EfficientNet-B2's)."""
    frames: int = 3
    """Frames (or vectors) of a clip (T)."""
    fps: float | None = None
    """Frames per second; None spreads the frames evenly over the whole clip."""
    position: Position = "center"
    """Where frames at `fps` lie in a longer clip; a shorter one loops."""
    size: int | tuple[int, int] = 224
    """Height and width in pixels; one number is a square."""
    region: tuple[float, float, float, float] | None = None
    """Part of the picture that is looked at, as fractions (top, left, bottom, right); None is all of it."""
    crop: Literal["random_resized", "center"] = "center"
    """Training crop, the same for all frames of a clip."""
    test_crop: Literal["center", "stretch"] = "center"
    """At test the largest centred area of the target's aspect (or `inputs.views.crops` of them), or the whole picture
    squeezed to size."""
    crop_area: tuple[float, float] = (0.08, 1.0)
    """Smallest and largest share of the picture a random crop covers."""
    crop_aspect: tuple[float, float] = (0.75, 4 / 3)
    """Least and greatest width / height of a random crop."""
    flip: float = 0.0
    """Chance of a horizontal flip when training."""
    colour: float = 0.0
    """Chance of colour jitter when training."""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    """Per channel, of pixels in 0 to 1, taken away by the encoder's frontend (ImageNet's)."""
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """Per channel, divided by."""
    min_frames: int = 1
    """Clips that hold fewer frames at `fps` cannot be read ("too short")."""

    def __post_init__(self) -> None:
        _at_least(self, 1, "width", "frames", "min_frames")
        _check("fps", self.fps, self.fps is None or self.fps > 0, "> 0")
        _check("size", self.size, min(self.shape) >= 1, ">= 1")
        _check("min_frames", self.min_frames, self.min_frames == 1 or self.fps is not None, "1 without fps")
        _in(self, 0, 1, "flip", "colour")
        area, aspect, region = self.crop_area, self.crop_aspect, self.region
        _check("crop_area", area, 0 < area[0] <= area[1] <= 1, "0 < least <= most <= 1")
        _check("crop_aspect", aspect, 0 < aspect[0] <= aspect[1], "0 < least <= most")
        if region is not None:
            inside = 0 <= region[0] < region[2] <= 1 and 0 <= region[1] < region[3] <= 1
            _check("region", region, inside, "0 <= top < bottom <= 1, 0 <= left < right <= 1")
        _check("std", self.std, min(self.std) > 0, "> 0")

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size


@dataclass(frozen=True, kw_only=True)
class AudioConfig:
    """Sound given to the audio encoder: waveform float32 `[S]` in -1 to 1, from which its frontend makes the view."""

    sample_rate: int = 16000
    """Samples per second (Hz), mono."""
    seconds: float = 3.0
    """Length of the window."""
    fit: Literal["tile", "pad"] = "tile"
    """A shorter clip is repeated or followed by silence; of a longer one a window is cut."""
    position: Position = "first"
    """Where the window lies in a longer clip."""
    view: Literal["waveform", "spectrogram", "logmel"] = "logmel"
    """Samples, log magnitude of a linear STFT, or log of its mel bands' power."""
    n_fft: int = 512
    """STFT window, samples."""
    hop: int = 353
    """STFT hop, samples."""
    center: bool = True
    """Windows centred on multiples of the hop, with silence beyond the ends; else only windows within the clip."""
    mels: int = 80
    """Mel bands of `logmel`."""
    f_min: float = 0.0
    """Lowest frequency of the mel bands, Hz."""
    f_max: float | None = None
    """Highest frequency of the mel bands, Hz; None is half the sample rate."""
    log_floor: float = 1e-7
    """Added before the logarithm."""
    normalise: Literal["none", "sample", "set"] = "none"
    """The view to mean 0 and deviation 1: not at all, per clip, or by the mean and deviation of training clips,
    measured before the first step and kept in the model."""
    gain_noise: float = 0.0
    """Training noise: standard deviation as a share of the clip's peak."""
    noise_db: float | None = None
    """White noise mixed in at this signal-to-noise ratio (dB), at test too: part of the task. Redrawn every epoch when
    training, always the same for a clip at test; None is none."""

    def __post_init__(self) -> None:
        _at_least(self, 1, "sample_rate", "n_fft", "hop", "mels")
        _at_least(self, 0, "gain_noise", "f_min")
        _check("seconds", self.seconds, self.seconds > 0, "> 0")
        _check("log_floor", self.log_floor, self.log_floor > 0, "> 0")
        _check("f_max", self.f_max, self.f_max is None or self.f_min < self.f_max, "> f_min")
        _check("seconds", self.seconds, self.view == "waveform" or self.samples >= self.n_fft, ">= n_fft samples")

    @property
    def samples(self) -> int:
        """Samples of the window (S)."""
        return round(self.seconds * self.sample_rate)


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """Token ids given to the text encoder: int64 `[L]`, 0 is padding."""

    tokenizer: str = "vatt"
    """A `tokenizer.json` or Hugging Face folder; `vatt` takes the one beside the text encoder's weights."""
    words: int = 16
    """Tokens a sentence is cropped or padded to (L)."""

    def __post_init__(self) -> None:
        _at_least(self, 1, "words")


@dataclass(frozen=True, kw_only=True)
class InputsConfig:
    """How each modality is cut from a clip; only those of `data.modalities` are used."""

    video: VideoConfig = field(default_factory=VideoConfig)
    """Frames."""
    audio: AudioConfig = field(default_factory=AudioConfig)
    """Sound."""
    text: TextConfig = field(default_factory=TextConfig)
    """Words."""
    views: ViewsConfig = field(default_factory=ViewsConfig)
    """Cuts averaged at test."""


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """Low-rank adapters (peft) on a frozen encoder."""

    rank: int = 8
    """Rank of the update."""
    alpha: float = 16.0
    """The update is scaled by alpha / rank."""
    targets: tuple[str, ...] = ()
    """Last parts of the names of the modules that are adapted; empty is every linear layer."""

    def __post_init__(self) -> None:
        _at_least(self, 1, "rank")
        _check("alpha", self.alpha, self.alpha > 0, "> 0")


@dataclass(frozen=True, kw_only=True)
class ConformerConfig:
    """The Conformer over frame-level vectors; defaults of the MLB experiments."""

    width: int = 512
    """Width of the blocks (d)."""
    layers: int = 5
    """Number of blocks."""
    heads: int = 8
    """Attention heads."""
    kernel: int = 31
    """Width of the depthwise convolution, odd."""
    dropout: float = 0.1
    """Chance of dropping an activation."""
    stem: int = 50
    """Channels of the 1 x 1 convolution before the first block."""
    base: str = ""
    """Folder of a transformers speech model whose hidden states are read; "" reads the view itself."""
    base_layers: int = 12
    """Layers of `base` that are kept."""

    def __post_init__(self) -> None:
        _at_least(self, 1, "width", "layers", "heads", "kernel", "stem", "base_layers")
        _in(self, 0, 1, "dropout")
        _check("kernel", self.kernel, self.kernel % 2 == 1, "an odd number")
        _check("heads", self.heads, self.width % self.heads == 0, f"a divisor of width {self.width}")


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """The network of one modality."""

    kind: Literal["timm", "vatt", "conformer", "transformers"]
    """Where the network comes from."""
    name: str = ""
    """Architecture of timm, such as `resnet18`."""
    weights: str = ""
    """Local folder or file; of `vatt` an exported model, of `transformers` a saved one. Of `timm` also the word
    `timm`: timm's own weights of that architecture, fetched where they are not here."""
    pretrained: bool = True
    """Whether the values in `weights` are taken, or only the shape they describe; "" is always from scratch."""
    init: Literal["timm", "kaiming"] = "timm"
    """First values of a timm network without weights: timm's own, or those of the balancing literature
    (convolutions Kaiming fan-out, batch-norm weights N(1, 0.02))."""
    pool: Literal["mean", "cls"] = "mean"
    """Feature of a transformers text encoder: the mean over its words, or its first token."""
    train: Literal["full", "frozen", "lora"] = "full"
    """What of it learns."""
    lora: LoraConfig = field(default_factory=LoraConfig)
    """Of `train: lora`."""
    conformer: ConformerConfig = field(default_factory=ConformerConfig)
    """Of `kind: conformer`."""
    lr_scale: float = 1.0
    """Its learning rate over `optim.lr`."""

    def __post_init__(self) -> None:
        _check("lr_scale", self.lr_scale, self.lr_scale > 0, "> 0 (train: frozen keeps an encoder as it is)")
        _check("name", self.name, self.kind != "timm" or bool(self.name), "a timm architecture such as resnet18")
        needs = self.kind in ("vatt", "transformers")
        _check("weights", self.weights, not needs or bool(self.weights), f"a folder, for kind {self.kind}")


@dataclass(frozen=True, kw_only=True)
class FusionConfig:
    """How the encoders' features become logits."""

    kind: Literal["linear", "sum", "mlp", "film", "gated", "transformer"] = "linear"
    """Late linear layer, sum of unimodal logits, MLP, FiLM, gates, or a transformer over all tokens."""
    width: int = 512
    """Width inside an MLP, FiLM, gates or transformer."""
    layers: int = 2
    """Layers of the transformer."""
    heads: int = 8
    """Attention heads of the transformer."""
    dropout: float = 0.1
    """Chance of dropping an activation inside the fusion."""

    def __post_init__(self) -> None:
        _at_least(self, 1, "width", "layers", "heads")
        _in(self, 0, 1, "dropout")


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """What the targets are."""

    kind: Literal["classification", "multilabel", "regression"] = "classification"
    """One class, any number of classes, or numbers."""
    smoothing: float = 0.0
    """Share of the target spread over all classes."""
    mixup: float = 0.0
    """Both parameters of the Beta distribution two samples are mixed with; 0 is off."""

    def __post_init__(self) -> None:
        _in(self, 0, 1, "smoothing")
        _at_least(self, 0, "mixup")


@dataclass(frozen=True, kw_only=True)
class BalanceConfig:
    """The rule by which modalities are balanced."""

    rule: str = "none"
    """A rule or preset of `vatt_harmony.balance`, such as `mlb` or `multiloss`."""
    options: dict[str, Any] = field(default_factory=dict)
    """Arguments of the rule."""
    point: Literal["auto", "grad", "lr", "loss"] = "auto"
    """Where coefficients act."""
    start: int = 0
    """First optimizer step that is balanced."""
    end: int | None = None
    """First optimizer step that no longer is; None is never."""
    ramp: int = 0
    """Optimizer steps over which coefficients go from 1 to their value."""
    ema: float = 0.0
    """Weight of the past in the running mean of scores; 0 is none."""

    def __post_init__(self) -> None:
        _at_least(self, 0, "start", "ramp")
        _check("end", self.end, self.end is None or self.end > self.start, f"> start {self.start}")
        _check("ema", self.ema, 0 <= self.ema < 1, "0 to below 1")


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """The optimizer and its learning rate over time."""

    name: Literal["adam", "adamw", "sgd"] = "adamw"
    """Adam has coupled L2 decay, AdamW decoupled decay."""
    lr: float = 1e-4
    """Highest learning rate."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Of Adam and AdamW."""
    eps: float = 1e-8
    """Of Adam and AdamW."""
    momentum: float = 0.9
    """Of SGD."""
    weight_decay: float = 0.0
    """Decay of weights."""
    clip: float = 0.0
    """Largest norm of all gradients together; 0 is off."""
    schedule: Literal["constant", "step", "cosine", "cosine_restarts"] = "constant"
    """What follows warm-up and hold: nothing, a drop every `step_every` epochs, half a cosine to 0 over the run,
    or cosines with restarts."""
    warmup_steps: int = 0
    """Optimizer steps of linear rise from 0."""
    hold_steps: int = 0
    """Optimizer steps at the highest rate before a schedule begins."""
    step_every: int = 70
    """Epochs between drops."""
    gamma: float = 0.1
    """Factor of a drop."""
    t0: int = 4
    """Optimizer steps of the first cosine of `cosine_restarts`."""
    t_mult: int = 2
    """Each further cosine is this many times as long."""

    def __post_init__(self) -> None:
        _at_least(self, 0, "momentum", "weight_decay", "clip", "warmup_steps", "hold_steps")
        _at_least(self, 1, "step_every", "t0", "t_mult")
        for name in ("lr", "eps", "gamma"):
            _check(name, getattr(self, name), getattr(self, name) > 0, "> 0")
        _check("betas", self.betas, all(0 <= beta < 1 for beta in self.betas), "0 to below 1")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How long, in what batches, and which epoch is kept."""

    epochs: int
    """Passes over the training split, at most."""
    batch: int = 32
    """Samples of an optimizer step over all ranks and micro-batches."""
    accumulation: int = 1
    """Micro-batches of an optimizer step on each rank."""
    patience: int = 0
    """Epochs without a better validation figure after which training ends; 0 never ends early."""
    select: Literal["accuracy", "f1", "map"] = "accuracy"
    """The validation figure that chooses the epoch (accuracy is minus the squared error for regression)."""
    precision: Literal["no", "bf16", "fp16"] = "no"
    """Autocast of forward and backward."""
    deepspeed: str = ""
    """DeepSpeed JSON file, such as `configs/deepspeed/zero2.json`; "" trains without it. Weights stay fp32."""
    monitor_every: int = 0
    """Optimizer steps between measurements of update ratios; 0 is never."""
    max_steps: int = 0
    """Optimizer steps after which training ends, whatever the epoch; 0 leaves it to `epochs`."""
    epoch_steps: int = 0
    """Optimizer steps called one epoch; 0 is the whole training split."""
    eval_items: int = 0
    """Items of the validation and of the test split that are evaluated, from all over it; 0 is all."""

    def __post_init__(self) -> None:
        _at_least(self, 1, "epochs", "batch", "accumulation")
        _at_least(self, 0, "patience", "monitor_every", "max_steps", "epoch_steps", "eval_items")
        _check("batch", self.batch, self.batch % self.accumulation == 0, f"a multiple of {self.accumulation}")


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """A whole fine-tune: one recipe of `configs/finetune`."""

    data: DataConfig
    """What is read."""
    encoders: dict[str, EncoderConfig]
    """Modality to its network; the same names as `data.modalities`."""
    train: TrainConfig
    """How long."""
    inputs: InputsConfig = field(default_factory=InputsConfig)
    """How clips are cut."""
    fusion: FusionConfig = field(default_factory=FusionConfig)
    """How features meet."""
    task: TaskConfig = field(default_factory=TaskConfig)
    """What is learnt."""
    balance: BalanceConfig = field(default_factory=BalanceConfig)
    """How modalities are balanced."""
    optim: OptimConfig = field(default_factory=OptimConfig)
    """How weights move."""
    seed: int = 0
    """Of initial weights, order, crops and noise."""

    def __post_init__(self) -> None:
        same = set(self.encoders) == set(self.data.modalities)
        _check("encoders", sorted(self.encoders), same, f"one for each of {', '.join(self.data.modalities)}")
        _at_least(self, 0, "seed")
        vectors = self.inputs.video.view == "features"
        _check("data.features", repr(self.data.features), vectors or not self.data.features, "'' with frames")


def _at_least(config: object, least: int, *names: str) -> None:
    for name in names:
        _check(name, getattr(config, name), getattr(config, name) >= least, f">= {least}")


def _in(config: object, low: float, high: float, *names: str) -> None:
    for name in names:
        _check(name, getattr(config, name), low <= getattr(config, name) <= high, f"{low} to {high}")


def _check(name: str, value: object, holds: bool, valid: str) -> None:
    if not holds:
        raise ValueError(f"{name} is {value}; valid: {valid}")
