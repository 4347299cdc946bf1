"""Features of clips and sentences: what an aligner sees of them."""
