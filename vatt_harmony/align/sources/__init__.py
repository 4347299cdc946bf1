"""What `align prepare` reads: films with their sentences, before they have features."""
