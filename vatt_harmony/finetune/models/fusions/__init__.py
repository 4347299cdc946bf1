"""How the features of M modalities become logits."""
