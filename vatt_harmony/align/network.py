"""NeuMATCH: a network that aligns streams of items by a sequence of actions."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import embedding

from vatt_harmony.align.actions import action_set
from vatt_harmony.align.batch import Batch
from vatt_harmony.align.branch import branch_encoder
from vatt_harmony.align.config import NetworkConfig
from vatt_harmony.align.encoded import Encoded, first_rows, item_table
from vatt_harmony.align.head import Head
from vatt_harmony.align.history import History
from vatt_harmony.align.initialise import initialise
from vatt_harmony.align.positions import position_count, positions
from vatt_harmony.align.sbn import SequenceBatchNorm
from vatt_harmony.align.similarity import CoupleWindows, window_count
from vatt_harmony.align.stacks import Stack
from vatt_harmony.align.state import State
from vatt_harmony.config import from_mapping
from vatt_harmony.errors import UserError

FORMAT = 1
CONFIG, WEIGHTS = "config.json", "model.safetensors"


class NeuMatch(nn.Module):
    """Network of Dogan et al., CVPR 2018, in the form of Wang et al., WACV 2021, for S >= 2 streams.

    Each stream has a stack of encoded items, read from its last item to the top one; two further stacks hold the past
    actions and the matched pairs. The head reads the four and the positions. The first stream's branch has the form
    for video, the others' that for text.
    """

    pops: Tensor
    matches: Tensor

    def __init__(self, config: NetworkConfig, dims: Sequence[int], seed: int = 0) -> None:
        """dims: feature width of each stream. Raises UserError for another number of streams than the actions have."""
        super().__init__()
        self.config, self.dims = config, tuple(dims)
        self.actions = action_set(config.actions, len(dims))
        self.register_buffer("pops", self.actions.pops, persistent=False)
        self.register_buffer("matches", self.actions.matches, persistent=False)
        self.window = config.window if config.content else 0
        generator = torch.Generator().manual_seed(seed)
        self._build(config, generator)
        initialise(self, generator)

    def _build(self, config: NetworkConfig, generator: torch.Generator) -> None:
        width = config.width
        read = list(enumerate(self.dims)) if config.content else []
        self.encoders = nn.ModuleList(
            branch_encoder(
                features, width, video=not stream, kind=config.branches, dropout=config.dropout, generator=generator
            )
            for stream, features in read
        )
        layer_norm = config.norm in ("2ln", "4ln")
        self.stacks = nn.ModuleList(Stack(width, width, config.layers, layer_norm=layer_norm) for _ in read)
        self.norms = nn.ModuleList(SequenceBatchNorm(width) for _ in read if config.norm == "sbn")
        self.history = History(self.actions, config) if config.history else None
        rest = position_count(len(self.dims))
        rest += config.action_width + config.matched_width if config.history else 0
        rest += window_count(self.window, len(self.dims)) if self.window else 0
        self.head = Head(len(self.dims), width, rest, self.actions.count, config.dropout)

    def forward(self, batch: Batch) -> Tensor:
        """Logits `[B, T, K]` before each of the batch's actions.

        With `mask: legal` impossible actions are -inf, save where none is possible (finished, padding). Every rank must
        call it where the network has sequence-wise batch norm. Raises UserError as `encode`.
        """
        return self.teacher_forced(self.encode(batch.features, batch.lengths, batch.joint), batch.actions)

    def encode(self, features: Sequence[Tensor], lengths: Tensor, joint: Sequence[Tensor] | None = None) -> Encoded:
        """All that any step reads of sequences with features `[B, N_s, D_s]` and int64 `[B, S]` items.

        joint: features `[B, N_s, J]` in a shared space, for the window. Raises UserError for features of another width
        or number, and for a window without `joint`.
        """
        self._check(features, joint)
        tops = tuple(self._tops(stream, each, lengths[:, stream]) for stream, each in enumerate(features))
        clamp = self.config.mask == "none"
        members = windows = None
        if self.history is not None:
            weights = self.history.pairs.input_weights()
            members = item_table([top @ weight.mT for top, weight in zip(tops, weights, strict=True)], clamp=clamp)
        if self.window and joint is not None:
            windows = CoupleWindows(joint, lengths, self.window)
        return Encoded(
            tops=tops,
            lengths=lengths,
            windows=windows,
            first=first_rows(tops),
            shares=item_table(self.head.shares(tops), clamp=clamp),
            members=members,
        )

    def teacher_forced(self, encoded: Encoded, actions: Tensor) -> Tensor:
        """Logits `[B, T, K]` before each of the known actions int64 `[B, T]`, as `logits` and `advance` give them."""
        if not actions.numel():  # nothing to align in any sequence
            return encoded.shares.new_zeros(*actions.shape, self.actions.count)
        pops = self.pops[actions]
        left = (encoded.lengths.unsqueeze(1) - (pops.cumsum(1) - pops)).clamp(min=0)
        history = None
        if self.history is not None and encoded.members is not None:
            members = embedding(encoded.first.unsqueeze(1) + left, encoded.members)
            history = self.history.teacher_forced(actions, members, self.matches[actions], left[..., -1]).flatten(0, 1)
        sequence = torch.arange(len(actions), device=actions.device).repeat_interleave(actions.shape[1])
        logits = self.logits_at(encoded, sequence, left.flatten(0, 1), history)
        return logits.view(*actions.shape, self.actions.count)

    def logits_at(self, encoded: Encoded, sequence: Tensor, left: Tensor, history: Tensor | None = None) -> Tensor:
        """Logits `[R, K]` at R cursors: their sequence int64 `[R]`, items left `[R, S]`.

        history: what the stacks of actions and of pairs put out, `[R, H]`; None in a network without.
        """
        shares = embedding(encoded.first[sequence] + left, encoded.shares).sum(1)
        lengths = encoded.lengths[sequence]
        rest = [positions(left, lengths)] if history is None else [history, positions(left, lengths)]
        if encoded.windows is not None:
            rest.append(encoded.windows.at(sequence, lengths - left))
        logits: Tensor = self.head(shares, rest)
        if self.config.mask == "none":
            return logits
        legal = self.actions.legal(left)
        return logits.masked_fill(~legal & legal.any(-1, keepdim=True), float("-inf"))

    def start(self, encoded: Encoded) -> State:
        """Before the first action of each sequence."""
        rows = len(encoded.lengths)
        return State(
            sequence=torch.arange(rows, device=encoded.lengths.device),
            left=encoded.lengths,
            past=None if self.history is None else self.history.start(rows),
        )

    def logits(self, encoded: Encoded, state: State) -> Tensor:
        """Logits `[R, K]` of the next action, masked as in `forward`."""
        history = None if self.history is None or state.past is None else self.history.read(state.past)
        return self.logits_at(encoded, state.sequence, state.left, history)

    def advance(self, encoded: Encoded, state: State, action: Tensor) -> State:
        """After the actions int64 `[R]`; a finished alignment stays finished."""
        left = (state.left - self.pops[action]).clamp(min=0)
        past = state.past
        if self.history is not None and past is not None and encoded.members is not None:
            members = embedding(encoded.first[state.sequence] + state.left, encoded.members)
            past = self.history.step(past, action, members, self.matches[action], state.left[:, -1])
        return State(sequence=state.sequence, left=left, past=past)

    def save_pretrained(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors`, the random projections included."""
        folder.mkdir(parents=True, exist_ok=True)
        about = {"format": FORMAT, "dims": list(self.dims), "network": asdict(self.config)}
        (folder / CONFIG).write_text(json.dumps(about, indent=2) + "\n")
        save_file({name: value.contiguous() for name, value in self.state_dict().items()}, folder / WEIGHTS)

    @classmethod
    def from_pretrained(cls, folder: Path) -> "NeuMatch":
        """The network that `save_pretrained` has written, in eval mode. Raises UserError for any other folder."""
        try:
            about = json.loads((folder / CONFIG).read_text())
            if about["format"] != FORMAT:
                raise ValueError(f"its format is {about['format']}, this version reads {FORMAT}")
            network = cls(from_mapping(NetworkConfig, about["network"]), about["dims"])
            network.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise UserError(
                f"{folder} holds no aligner: {error}",
                "Nothing can be aligned",
                "Train one with vatt-harmony align train",
            ) from error
        return network.eval()

    def _tops(self, stream: int, features: Tensor, lengths: Tensor) -> Tensor:
        """Outputs of a stream's stack `[B, N, W]` for every number of items left, from features `[B, N, D]`."""
        if not self.config.content:
            return self.head.inner.weight.new_zeros(*features.shape[:2], self.config.width)
        places = torch.arange(features.shape[1], device=features.device)
        upwards = (lengths.unsqueeze(1) - 1 - places).clamp(min=0).unsqueeze(-1).expand_as(features)
        tops: Tensor = self.stacks[stream](self.encoders[stream](features.gather(1, upwards)))[-1]
        return self.norms[stream](tops, places < lengths.unsqueeze(1)) if len(self.norms) else tops

    def _check(self, features: Sequence[Tensor], joint: Sequence[Tensor] | None) -> None:
        widths = tuple(each.shape[-1] for each in features)
        if widths != self.dims:
            raise UserError(
                f"The streams have features of width {widths}, the network reads {self.dims}",
                "They cannot be encoded",
                "Prepare the sequences with the encoders it was trained on, or train a new network",
            )
        if self.window and joint is None:
            raise UserError(
                f"network.window is {self.window}, but the sequences have no features in a shared space",
                "There are no similarities to show",
                "Prepare them with encoders of one space, or set network.window to 0",
            )
