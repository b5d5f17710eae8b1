"""The engines in which servers run: which one an attempt is in, whether each answers, and what strays there."""
