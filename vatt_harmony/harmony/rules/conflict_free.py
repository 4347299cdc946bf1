"""ConFIG, under the name `config`: equal cosines to all gradients, length by the gradients' agreement with it."""

import torch
from torch import Tensor

from vatt_harmony.harmony.rules.active import cosines, finished
from vatt_harmony.harmony.rules.options import DEFAULTS, RuleOptions
from vatt_harmony.harmony.rules.spectrum import equal_projection


def config(gram: Tensor, active: Tensor, options: RuleOptions = DEFAULTS) -> Tensor:
    """The direction with equal cosines to all gradients, as long as the gradients' projections on it together.

    For two losses (a + b)/2a and (a + b)/2b. Weights of either sign for more. Source: Liu, Chu, Thuerey, arXiv
    2408.11104.
    """
    norms, cosine = cosines(gram, active)
    share = equal_projection(cosine).masked_fill(~active, 0.0)
    projection = (cosine @ share[:, :, None])[:, :, 0]
    # Of squared length; it vanishes with the share itself, if no direction has equal cosines to all.
    square = torch.linalg.vecdot(share, projection).clamp(min=torch.finfo(gram.dtype).tiny)
    length = torch.linalg.vecdot(norms, projection) / square
    return finished(share * length[:, None] / norms, active)
