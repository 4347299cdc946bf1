"""The rows of the benchmark tables; `suite.py` runs them."""
