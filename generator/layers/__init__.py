"""What the layers of PyTorch and JAX share: a program at both precisions, and its sliders."""
