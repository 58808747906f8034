"""Adapting the search to a company: what its own structure teaches about its questions."""
