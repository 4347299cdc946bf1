"""Balancing the modalities of any model, in anybody's training loop."""

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from vatt_harmony.balance.checks import check_ran, check_shapes, check_validation
from vatt_harmony.balance.evidence import Validation
from vatt_harmony.balance.features import Feature, check_names, find_logits, resolve
from vatt_harmony.balance.fusion import find_linear
from vatt_harmony.balance.gains import note_norms
from vatt_harmony.balance.groups import make_groups, owned_parameters
from vatt_harmony.balance.heads import find_widths, make_heads
from vatt_harmony.balance.modes import autocast_now, evaluating
from vatt_harmony.balance.modulate import Modulation
from vatt_harmony.balance.output import BalancedOutput
from vatt_harmony.balance.pace import Pace
from vatt_harmony.balance.reduce import rank, world_size
from vatt_harmony.balance.removal import Change, Dropping, Removal, removal
from vatt_harmony.balance.report import Report
from vatt_harmony.balance.requirements import check_requirements
from vatt_harmony.balance.rule import Point, Rule
from vatt_harmony.balance.sources import SOURCES
from vatt_harmony.balance.state import pack, unpack
from vatt_harmony.balance.steering import Steering
from vatt_harmony.balance.step import Step
from vatt_harmony.balance.sums import add_up
from vatt_harmony.balance.tap import check_untouched
from vatt_harmony.balance.taps import Passed, Taps
from vatt_harmony.balance.task import Judged, Task
from vatt_harmony.balance.terms import judge_heads, local_fused, total_loss, unimodal_terms
from vatt_harmony.balance.window import Window
from vatt_harmony.errors import UserError
from vatt_harmony.randomness import keyed_int


class Balancer(nn.Module):
    """A model with unimodal heads, whose modalities learn at the pace that a rule gives them.

    Wrap it in DDP, DeepSpeed or `torch.compile` as you would the model; call it in the model's place, and take the
    loss from `loss`. It knows no trainer and no kind of media.
    """

    accepts_loss_kwargs = False
    """Tells the Trainer of transformers that losses are means: it divides them by the micro-batches of a step."""

    def __init__(
        self,
        model: nn.Module,
        features: Mapping[str, str | Feature],
        *,
        task: Task,
        rule: Rule,
        point: Point | Literal["auto"] = "auto",
        window: Window | None = None,
        accumulation: int = 1,
        fusion: str | None = None,
        logits: Callable[[Any], Tensor] | None = None,
        example: Any = None,
        scale_head: bool = False,
        scale_fusion_slice: bool = False,
        monitor_every: int = 0,
        seed: int = 0,
    ) -> None:
        """Hook the encoders of `model` and make the heads; raises UserError for what does not fit.

        features: of each modality the path of its encoder, or a `Feature`. logits: finds the fused logits `[B, C]` in
        the model's output, by default `logits` or its first tensor. example: the model's arguments (mapping, tuple or
        tensor), run once to learn the features' widths where they are not given.

        point: where k acts (docs/balancing.md); `auto` asks the attached optimizer. accumulation: micro-batches an
        optimizer step: at `grad` and `loss` k then comes from the step before, at `lr` from the step itself. fusion:
        path of a linear layer over the features, concatenated in their order. At `grad`, scale_head scales heads as
        their encoders, scale_fusion_slice each modality's columns of `fusion`. monitor_every: steps between two with
        norms of gradients and of updates. seed: of heads, noise and dropping.
        """
        super().__init__()
        self._features = resolve(model, features)
        check_requirements(rule, self._features, fusion, accumulation, scale_head, scale_fusion_slice, task)
        self.model, self.rule, self.task = model, rule, task
        self.modalities = tuple(self._features)
        self._logits, self._seed, self._monitor_every = logits, seed, monitor_every
        layer = None if fusion is None else find_linear(model, fusion)
        self._taps = Taps(model, self._features, layer)
        self._owned = owned_parameters(model, self._features)
        self._modulation = Modulation(rule, self._owned, layer if scale_fusion_slice else None, scale_head, seed)
        self._pace = Pace(rule, window or Window(), self.modalities, task.lower_is_better)
        self._steering = Steering(
            rule, self._pace, self._taps.widths, self.modalities, self._owned, point, accumulation
        )
        self._removed: dict[str, Change] = {}
        self._caching = False
        self._cache: Passed | None = None
        self.heads = nn.ModuleDict()
        if rule.unimodal:
            widths = find_widths(self._taps, model, self._features, example)
            self._taps.widths.update(widths)
            self.heads = make_heads(widths, task.outputs, seed, next(model.parameters(), torch.empty(0)))

    # Compiled graphs break at the taps anyway; here they would also capture what a step leaves behind.
    @torch.compiler.disable(recursive=False)  # type: ignore[no-untyped-call, untyped-decorator]
    def forward(self, *arguments: Any, **named: Any) -> BalancedOutput:
        """Run the model on its own arguments, and each head on its modality's feature.

        Raises UserError where a feature is not what a head can read, or changed in place after its encoder.
        """
        if self.training:
            self._modulation.clear()
        dropping = self._dropping()
        changes = self._removed or ({name: dropping.change(name) for name in self.modalities} if dropping else {})
        if self._cache is not None:
            passed = self._taps.run_fusion(self._cache, arguments, named, changes)
        else:
            passed = self._taps.run(arguments, named, changes)
            self._cache = passed if self._caching else None
        features = {name: tapped.feature for name, tapped in passed.tapped.items()}
        for name, tapped in passed.tapped.items():
            if self.heads:
                check_untouched(name, tapped)
        logits = self.rule.fused_logits(find_logits(passed.output, self._logits), passed.fusion)
        return BalancedOutput(
            logits=logits,
            unimodal={name: self.heads[name](feature) for name, feature in features.items() if name in self.heads},
            model_output=passed.output,
            features=features,
            passed=passed,
            inputs=(arguments, named),
            autocast=autocast_now(logits.device.type),
            kept=dropping.kept if dropping else {},
        )

    def loss(
        self, output: BalancedOutput, targets: Tensor, present: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, Report]:
        """The loss to call `backward` on, and the figures of the step. All ranks must call.

        targets: as the task says, of B samples; present: bool [B] of modalities that some samples lack, all others are
        everywhere. In training mode the gains of this backward pass are set; in evaluation mode nothing changes.
        Each term is normalised by the count of all ranks: averaging gradients gives those of the global batch.
        Raises UserError for targets out of range, names that are no modality, and, in the first step, a feature that
        never ran or never reaches the fused loss.
        """
        given = present or {}
        self._check(output, targets, given)
        training = self.training and torch.is_grad_enabled()
        if training:
            self._pace.begin()
        acting = training and self._pace.acting
        step = self._step(output, targets, given)
        mask = self._mask(step, output, bool(given))
        parts = self.rule.parts(step) if acting else None
        logits = output.logits if parts is None else torch.stack(tuple(parts.values())).sum(0)
        fused = local_fused(self.task, logits, targets, output.kept)
        judged = judge_heads(self.task, output.unimodal, self.modalities, targets) if output.unimodal else None
        everyone = targets.new_full((len(self.modalities),), len(targets), dtype=torch.int64)
        counted = everyone if mask is None else mask.sum(-1)
        scores = self._scores(step, judged, acting)
        sums = add_up(judged, scores, counted, mask, fused, len(targets)).over_ranks()
        if world_size() > 1 and not output.kept:
            fused = fused * (len(targets) * world_size() / sums.samples).to(fused.dtype)
        unimodal = fused.new_zeros(0) if judged is None else unimodal_terms(judged.losses, mask, sums)
        if training and self.point is None:
            self._steering.settle(self.model, output)
        part = self._pace.pooled
        k = self._steering.advance(sums, output) if training else None
        report = Report(
            modalities=self.modalities,
            sums=sums,
            lower_is_better=self.task.lower_is_better,
            step=step.step,
            epoch=step.epoch,
            k=k if acting else None,
            point=self.point or "grad",
            non_finite=self._pace.non_finite,
        )
        weights = self.rule.weights(self.modalities)
        each = [weights[name] for name in self.modalities]
        total = total_loss(fused, unimodal, weights["fused"], each, report.k if report.point == "loss" else None)
        if acting and type(self.rule).extra_loss is not Rule.extra_loss:
            extra = self.rule.extra_loss(step, report.evidence)
            total = total if extra is None else total + extra
        if training:
            if acting and self.rule.several_backwards:
                self._modulation.paths(output, fused, unimodal.sum())
            self._modulate(output, parts, acting, report, part)
            self._modulation.only_in(total)
        return total, report

    def attach(self, optimizer: Any) -> None:
        """Follow the steps of an optimizer, bare or as Accelerate or DeepSpeed wrapped it.

        Needed for the points `auto` and `lr`, for norms of updates, and so that the rule's state stands still in steps
        that a gradient scaler leaves out. Raises UserError where the rule cannot work with it.
        """
        self._own_parameters()
        self._steering.attach(optimizer)

    def parameter_groups(
        self, lr: float | Mapping[str, float], weight_decay: float | None = None
    ) -> list[dict[str, Any]]:
        """Groups for an optimizer: one a modality, with the key "modality", and one of the rest, heads included.

        `lr` is one rate, or one for each modality and "rest"; without `weight_decay` it is the optimizer's own.
        """
        return make_groups(self._own_parameters(), list(self.parameters()), lr, weight_decay)

    @contextmanager
    def without(self, removed: Collection[str], mode: Removal = "zero") -> Iterator[None]:
        """Within it the fusion gets nothing of these modalities, or another sample's features ("permute").

        Heads still read the true features. Raises UserError for names that are no modality, and for getters.
        """
        check_names(removed, self.modalities, "without()")
        for name in removed:
            if self._features[name].path is None:
                raise UserError(
                    f"The feature of {name!r} is found by a getter",
                    "What the fusion takes could not be changed",
                    "Name the path of its encoder",
                )
        before = self._removed
        self._removed = before | dict.fromkeys(removed, removal(mode, self._seed))
        try:
            yield
        finally:
            self._removed = before

    @contextmanager
    def cached_features(self) -> Iterator[None]:
        """Within it encoders run in the first forward pass alone; later ones, of the SAME batch, run the fusion."""
        self._caching = True
        try:
            yield
        finally:
            self._caching, self._cache = False, None

    def end_epoch(self, validation: Validation | None = None) -> None:
        """Tell the rule that an epoch is over; all ranks call, with the same figures.

        Raises UserError where the rule needs figures of a validation set and there are none.
        """
        if self.rule.needs_validation:
            check_validation(self.rule, validation, self.modalities)
        self.rule.end_epoch(validation)
        self._pace.epoch += 1

    def export(self) -> nn.Module:
        """The model as it was given, with all hooks taken off and the heads left behind.

        Warns where the rule has trained other logits than the model's own.
        """
        if type(self.rule).fused_logits is not Rule.fused_logits:
            warnings.warn(
                f"The rule {type(self.rule).__name__} trained its own logits in place of the model's. What is exported "
                "gives the model's, which were never trained: keep the balancer to predict with.",
                stacklevel=2,
            )
        self._taps.remove()
        self._modulation.clear()
        self._steering.detach()
        return self.model

    @property
    def point(self) -> Point | None:
        """Where k acts; None until the first training step has shown it."""
        return self._steering.point

    @property
    def steps(self) -> int:
        """Optimizer steps in which scores were taken."""
        return self._pace.step

    def get_extra_state(self) -> Tensor:
        """What moves besides parameters: the rule's state, scores and counters; part of `state_dict`."""
        return pack(self._pace.state_dict() | {"widths": self._taps.widths})

    def set_extra_state(self, state: Tensor) -> None:
        """Take up what `get_extra_state` gave."""
        found = unpack(state)
        self._taps.widths.update(found.pop("widths"))
        self._pace.load_state_dict(found)

    def _own_parameters(self) -> dict[str, list[nn.Parameter]]:
        """What belongs to each modality alone, by now: FSDP and LoRA put other parameters in place of the first."""
        self._owned.update(owned_parameters(self.model, self._features))
        return self._owned

    def _check(self, output: BalancedOutput, targets: Tensor, present: Mapping[str, Tensor]) -> None:
        check_names(present, self.modalities, "present")
        check_shapes(output.logits, targets, present, self.task.outputs)
        check_ran(self._features, output.features, present)
        # Reading targets waits for an accelerator: there the first step alone is looked at, and the device's own
        # assertion ends a later one.
        if targets.device.type == "cpu" or self.point is None:
            self.task.check(targets)

    def _step(self, output: BalancedOutput, targets: Tensor, present: Mapping[str, Tensor]) -> Step:
        everywhere = torch.ones(len(targets), dtype=torch.bool, device=targets.device)
        # An encoder that did not run gives nothing; rules that look at it find zeros, and no sample that has it.
        idle = {name: width for name, width in self._taps.widths.items() if name not in output.features}
        zeros = {name: output.logits.new_zeros(len(targets), width) for name, width in idle.items()}
        silent = {name: torch.zeros_like(output.logits) for name in zeros if output.unimodal}
        return Step(
            modalities=self.modalities,
            logits=output.logits,
            unimodal=output.unimodal | silent,
            features=output.features | zeros,
            fusion=output.passed.fusion,
            without=partial(self._logits_without, output),
            targets=targets,
            present={name: present.get(name, everywhere) for name in self.modalities},
            task=self.task,
            step=self._pace.step,
            epoch=self._pace.epoch,
        )

    def _mask(self, step: Step, output: BalancedOutput, some_missing: bool) -> Tensor | None:
        if not (some_missing or output.kept):
            return None
        # A feature that was dropped says nothing of its modality.
        present = [step.present[name] & output.kept.get(name, step.present[name]) for name in self.modalities]
        return torch.stack(present)

    def _scores(self, step: Step, judged: Judged | None, acting: bool) -> Tensor | None:
        own = self.rule.sample_scores(step) if acting else None
        if own is not None:
            return own
        if self.rule.scores == "heads":
            return None if judged is None else judged.scores
        return SOURCES[self.rule.scores](step) if acting else None

    def _logits_without(self, output: BalancedOutput, removed: frozenset[str], mode: Removal) -> Tensor:
        changes = dict.fromkeys(removed, removal(mode, self._seed))
        with evaluating(self.model), output.autocast():
            passed = self._taps.run_fusion(output.passed, *output.inputs, changes)
        return self.rule.fused_logits(find_logits(passed.output, self._logits), passed.fusion)

    def _modulate(
        self, output: BalancedOutput, parts: Mapping[str, Tensor] | None, acting: bool, report: Report, part: int
    ) -> None:
        """Hook this step's gradients, and have a monitored step's norms and movement written into its report."""
        monitored = self._monitor_every > 0 and report.step % self._monitor_every == 0
        self._steering.monitor(report.update_ratios if monitored else None)
        totals = {name: own.total for name, own in output.passed.tapped.items()} if monitored else {}
        note_norms(totals, report.norms_before)
        gains, scaled = None, report.point == "grad"
        if report.k is not None and report.point != "loss":
            gains = dict(zip(self.modalities, report.k.unbind(), strict=True))
        k = gains if scaled else None
        self._modulation.features(output, k, parts)
        if k is not None:
            widths = self._taps.widths
            self._modulation.columns({name: widths[name] for name in self.modalities if name in widths}, k)
        if acting and self.rule.noisy:
            self._modulation.noise(gains, scaled, report.step, part)
        note_norms(totals, report.norms_after)

    def _dropping(self) -> Dropping | None:
        if not (self.training and self._pace.acting and self._pace.drop is not None):
            return None
        chances = dict(zip(self.modalities, self._pace.drop.tolist(), strict=True))
        return Dropping(chances, self._taps.widths, keyed_int(self._seed, self._pace.step, self._pace.pooled, rank()))
