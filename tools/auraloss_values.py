"""What auraloss 0.4 gives for `support/spectral_signals.py`, as tests/data/auraloss.json.

    pip install auraloss==0.4.0 librosa torch
    python tools/auraloss_values.py

Values are of double precision; the tests read them, so that they need neither.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import auraloss
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.spectral_signals import RATE, signals

OUT = Path(__file__).resolve().parent.parent / "tests" / "data" / "auraloss.json"
SIZES = {
    "fft_sizes": [1024, 2048, 512],
    "hop_sizes": [120, 240, 50],
    "win_lengths": [600, 1200, 240],
}


STFT = auraloss.freq.STFTLoss
MULTIPLE = auraloss.freq.MultiResolutionSTFTLoss
LOSSES = {
    "magnitude": STFT(w_sc=0, w_log_mag=0, w_lin_mag=1),
    "logmag": STFT(w_sc=0, w_log_mag=1),
    "convergence": STFT(w_sc=1, w_log_mag=0),
    "mrstft": MULTIPLE(),
    "mrstft:sizes=512+128,hops=100+32,windows=500+128,log=2,linear=0.5": MULTIPLE(
        [512, 128], [100, 32], [500, 128], w_log_mag=2, w_lin_mag=0.5
    ),
    "mel": auraloss.freq.MelSTFTLoss(RATE),
    "mel:sizes=2048,mels=40,linear=1": auraloss.freq.MelSTFTLoss(
        RATE, 2048, 512, 2048, w_lin_mag=1, n_mels=40
    ),
    "aweighted": MULTIPLE(perceptual_weighting=True, sample_rate=RATE),
    "sumdiff": auraloss.freq.SumAndDifferenceSTFTLoss(*SIZES.values()),
    "sumdiff:sum=2,difference=0.5": auraloss.freq.SumAndDifferenceSTFTLoss(
        *SIZES.values(), w_sum=2, w_diff=0.5
    ),
}


def main() -> None:
    """Writes the values."""
    found = {}
    for name, loss in LOSSES.items():
        channels = 2 if name.startswith("sumdiff") else 1
        for transform in loss.modules():
            if hasattr(transform, "window"):
                size = len(transform.window)
                transform.window = torch.hann_window(size, dtype=torch.float64)
            if hasattr(transform, "prefilter"):
                transform.prefilter.double()
        output, target = (torch.tensor(one[None]) for one in signals(channels))
        found[name] = loss.double()(output, target).item()
    OUT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
