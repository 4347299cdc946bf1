"""The main job on an embedded default: corpus, shards, two pretraining runs, evaluation, export, one screen."""
