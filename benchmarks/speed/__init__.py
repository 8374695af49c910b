"""How fast gradients are beside hand-written ones: `python -m benchmarks.speed` measures all."""
