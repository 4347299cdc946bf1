"""The conflict study: what a low cosine means, and whether acting on it helps."""
