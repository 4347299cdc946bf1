"""What a run has learnt about its own data: which clips disagree with themselves, and how well each signal sees it."""
