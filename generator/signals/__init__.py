"""A Faust program as a graph of signals: read, propagated, printed."""
