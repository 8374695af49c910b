"""Comparing what was generated across versions: tables by meaning, libraries by content."""
