"""Options of an aligner: its network, its training, its decoding."""

from dataclasses import dataclass, field
from typing import Literal

Actions = Literal["one_to_one", "one_to_many", "five", "streams"]
Branches = Literal["full", "projected"]
Norm = Literal["none", "sbn", "2ln", "4ln"]
Mask = Literal["legal", "none"]
Order = Literal["lazy", "eager", "random"]
Optimizer = Literal["adam", "adamw", "lars", "lars_sgd"]
Select = Literal["accuracy", "iou"]
Method = Literal["greedy", "beam", "exact"]


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """The network of Dogan et al., CVPR 2018, with the parts of Wang et al., WACV 2021; widths as published."""

    actions: Actions = "one_to_many"
    """What the network may do: `one_to_one` (every sentence has one clip), `one_to_many` (a sentence owns any number
    of clips), `five` (a clip may also have several sentences), `streams` (one-to-one over two to five streams)."""
    branches: Branches = "projected"
    """`full`: learned layers from the features down to `width`; `projected`: a fixed random projection first."""
    norm: Norm = "sbn"
    """`sbn`: sequence-wise batch norm after the first two stacks; `2ln`, `4ln`: layer norm inside the cells of the
    streams' stacks, or of all stacks."""
    width: int = 300
    """Width of the branches, of the streams' stacks and of the head."""
    action_width: int = 8
    """Width of the stack of past actions."""
    matched_width: int = 20
    """Width of the stack of matched pairs."""
    layers: int = 2
    """Recurrent layers of each stack."""
    dropout: float = 0.0
    """Dropout of the fully connected layers."""
    mask: Mask = "legal"
    """`legal`: impossible actions have probability 0; `none`: cursors stop at the last item (released code)."""
    history: bool = True
    """Whether the stacks of past actions and matched pairs exist. Without them scores add up over the path, and
    `decode.method: exact` finds the best one."""
    content: bool = True
    """False: the network sees the positions alone, a control."""
    window: int = 0
    """k > 0: the head also sees the k x k similarities at the cursors and the best one that remains for each top,
    from features in a shared space. Not in the papers: without it the network must learn what similar means."""

    def __post_init__(self) -> None:
        for name in ("width", "action_width", "matched_width", "layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}, {getattr(self, name)}, at least 1")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout, {self.dropout}, from 0 to below 1")
        if self.window < 0:
            raise ValueError(f"window, {self.window}, at least 0")


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """How the parameters move."""

    name: Optimizer = "lars"
    """`lars` scales Adam's step of every tensor to `lr` x `trust` of the tensor's norm; `lars_sgd` is You et al.'s."""
    lr: float = 7.0
    """Rate; under `lars` a factor of `trust`."""
    trust: float = 1e-3
    """eta of LARS."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Adam's."""
    eps: float = 1e-8
    """Adam's."""
    momentum: float = 0.9
    """Of `lars_sgd`."""
    weight_decay: float = 0.0
    """Added to the gradient (`adamw`: taken from the weights)."""
    clip: float = 2.0
    """Norm to which the gradient is clipped, before LARS scales; 0: not at all."""
    warmup_epochs: int = 0
    """Epochs over which the rate rises from a tenth."""
    patience: int = 10
    """Epochs without a better training loss after which the rate shrinks."""
    factor: float = 0.5
    """By what it shrinks."""
    encoder_lr: float = 0.0
    """Rate of the encoder, AdamW, where `data.encoder` is trained too; 0: frozen."""

    def __post_init__(self) -> None:
        for name in ("lr", "trust", "eps"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}, {getattr(self, name)}, above 0")
        for name in ("weight_decay", "clip", "warmup_epochs", "encoder_lr"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}, {getattr(self, name)}, at least 0")
        if self.patience < 0 or not 0 < self.factor < 1:
            raise ValueError(f"patience and factor, {self.patience} and {self.factor}, at least 0 and between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Teacher forcing over pieces of the training sequences."""

    epochs: int = 350
    """Passes over the pieces."""
    batch: int = 32
    """Pieces a step, over all ranks."""
    piece_actions: int = 100
    """Longest piece; whole sequences validate."""
    order: Order = "lazy"
    """Where a sentence is popped among clips without a sentence: as late as possible, as early, or at random."""
    smoothing: float = 0.03
    """Share of a target's mass that is spread over all legal actions."""
    rollin: float = 0.0
    """Share of pieces whose actions are the network's own, with the best next action as target: it then learns what
    to do after a mistake. Not in the papers."""
    select: Select = "accuracy"
    """Validation figure, of clips in time or of sentences' intersection over union, that decides when to stop."""
    stop_after: int = 0
    """Epochs without a better one after which training ends; 0: never."""
    validate_every: int = 1
    """Epochs between validations."""
    analysis: bool = False
    """Log how far each part moves, what the stacks put out, and the gap to validation."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "piece_actions", "validate_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}, {getattr(self, name)}, at least 1")
        for name in ("smoothing", "rollin"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}, {getattr(self, name)}, from 0 to 1")
        if self.stop_after < 0:
            raise ValueError(f"stop_after, {self.stop_after}, at least 0")


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """The branches' encoders trained on matched pairs first (order embeddings, Vendrov et al., ICLR 2016)."""

    epochs: int = 0
    """0: no such stage."""
    lr: float = 1e-3
    """Adam's rate."""
    batch: int = 128
    """Pairs a step."""
    margin: float = 0.05
    """Of the ranking loss."""

    def __post_init__(self) -> None:
        if self.epochs < 0 or self.batch < 2:
            raise ValueError(f"epochs and batch, {self.epochs} and {self.batch}, at least 0 and at least 2")
        if not self.lr > 0 or not self.margin > 0:
            raise ValueError(f"lr and margin, {self.lr} and {self.margin}, above 0")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Folders that `align prepare` has written."""

    train: str = ""
    """Sequences to train on."""
    val: str = ""
    """Sequences that decide when to stop and which epoch to keep."""
    share: float = 1.0
    """Share of the training groups that is used, drawn by the seed."""
    start: str = ""
    """Folder of a trained aligner to go on from."""
    encoder: str = ""
    """Exported encoder to train along, reading the media again; empty: the prepared features."""

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share, {self.share}, above 0 and at most 1")


@dataclass(frozen=True, kw_only=True)
class DecodeConfig:
    """How an alignment is read off the network."""

    method: Method = "greedy"
    """The best action at each step; the best of `beam` paths; or the best path (`network.history: false` only)."""
    beam: int = 8
    """Paths kept."""

    def __post_init__(self) -> None:
        if self.beam < 1:
            raise ValueError(f"beam, {self.beam}, at least 1")


@dataclass(frozen=True, kw_only=True)
class AlignConfig:
    """One training of an aligner."""

    data: DataConfig = field(default_factory=DataConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    pretrain: PretrainConfig = field(default_factory=PretrainConfig)
    decode: DecodeConfig = field(default_factory=DecodeConfig)
    seed: int = 0
    """All randomness of the training follows from it."""
