"""Fitting a program to recordings: audio, losses, optimizers, reports."""
