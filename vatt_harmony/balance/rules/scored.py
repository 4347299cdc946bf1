"""What rules share whose coefficients are a function of scores."""

from vatt_harmony.balance.rule import Rule, ScoreSource


class Scored(Rule):
    """Looks at scores of one source, and asks for what that takes."""

    def __init__(self, scores: ScoreSource) -> None:
        self.scores = scores
        self.needs_slices = scores == "slices"
        self.needs_removal = scores.startswith("shapley")


class FusedOnly(Scored):
    """Encoders learn from the fused loss alone; where scores take unimodal heads, these learn on detached features."""

    unimodal_gain = 0.0

    def __init__(self, scores: ScoreSource) -> None:
        super().__init__(scores)
        self.unimodal = scores in ("heads", "jsd")
