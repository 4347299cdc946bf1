"""One branch of an exported VATT."""

from pathlib import Path

from torch import Tensor, nn

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.config import EncoderConfig, InputsConfig, Modality
from vatt_harmony.finetune.models.output import EncoderOutput
from vatt_harmony.model.config import ModelConfig
from vatt_harmony.model.encoder import Encoder
from vatt_harmony.model.hf import VattModel
from vatt_harmony.model.hf_config import VattConfig
from vatt_harmony.model.loading import load_model
from vatt_harmony.model.t5 import T5Encoder
from vatt_harmony.model.tower import MediaTokens
from vatt_harmony.model.vatt import Vatt


class VattTower(nn.Module):
    """Tokeniser, encoder and final norm of one branch; without projections, heads and DropToken.

    Two branches of a modality-agnostic model become two towers that start alike and then learn apart.
    """

    def __init__(self, vatt: Vatt, branch: Modality, read_tokens: bool) -> None:
        super().__init__()
        self.tokenise = vatt.tokens[branch]
        if isinstance(self.tokenise, MediaTokens):
            self.tokenise.keep = 1.0  # fine-tuning sees every token (paper, A.2.5)
        encoder = vatt.encoders[vatt.encoder_of(branch)]
        assert isinstance(encoder, Encoder | T5Encoder)
        self.encoder = encoder
        norms = vatt.head_stage.norms
        self.norm = norms["shared" if "shared" in norms else branch]
        self.read_tokens = read_tokens

    def forward(self, media: Tensor) -> EncoderOutput:
        """Media as pretraining gives them: uint8 `[B, T, H, W, 3]`, waveform `[B, S]` or ids `[B, L]`."""
        x, mask = self.tokenise(media, None)
        if not self.read_tokens:
            return EncoderOutput(self.norm(self.encoder(x, mask)[0]))
        tokens = self.norm(self.encoder.tokens(x, mask))
        return EncoderOutput(tokens[:, 0], tokens, None if mask is None else mask[:, 0, 0])


class VattEncoder(nn.Module):
    """The tower of one modality of an exported VATT; pooled is its AGG token after the final norm."""

    def __init__(self, config: EncoderConfig, branch: Modality, inputs: InputsConfig, read_tokens: bool) -> None:
        """Raises UserError for a folder that holds no export, or inputs it cannot read."""
        super().__init__()
        if config.pretrained:
            model = load_model(Path(config.weights))[0]
        else:
            model = VattModel(VattConfig.from_pretrained(config.weights))
        self.config: VattConfig = model.config
        _check(model.config.model_config, branch, inputs)
        self.network = VattTower(model.vatt, branch, read_tokens)
        self.width = self.token_width = model.config.model_config.widths[branch]

    def forward(self, media: Tensor) -> EncoderOutput:
        """As `VattTower.forward`."""
        output: EncoderOutput = self.network(media)
        return output


def _check(config: ModelConfig, branch: Modality, inputs: InputsConfig) -> None:
    """Raises UserError where media would come otherwise than the model can read them."""
    video, audio, words = inputs.video, inputs.audio, inputs.text.words
    if branch == "audio" and audio.sample_rate != config.sample_rate:
        raise UserError(
            f"inputs.audio.sample_rate is {audio.sample_rate} Hz; this VATT hears {config.sample_rate} Hz",
            "Every pitch would be shifted",
            f"Set inputs.audio.sample_rate {config.sample_rate}",
        )
    given = (video.frames, *video.shape)
    if branch == "video" and any(length < least for length, least in zip(given, config.patch, strict=True)):
        raise UserError(
            f"inputs.video gives {' x '.join(map(str, given))}; a patch of this VATT is "
            f"{' x '.join(map(str, config.patch))} (frames x height x width)",
            "It would see nothing",
            "Raise inputs.video.frames or inputs.video.size",
        )
    if branch == "text" and config.kind == "agnostic" and words > config.words:
        raise UserError(
            f"inputs.text.words is {words}; this VATT reads sentences of at most {config.words}",
            "It has no positions for further words",
            f"Set inputs.text.words {config.words}",
        )
