"""Which parameters the examples determine, by the rank of the Jacobian.

Two values of the parameters cannot be told apart where their Jacobian has a null space (Rothenberg,
"Identification in parametric models", 1971). Its columns are normalized first, and the rank is that
of the Gauss-Newton matrix, which the sums of a pass hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Eigenvalues of the normalized matrix below this are 0: the Jacobian's singular values below 1e-6.
RANK_TOLERANCE = 1e-12
#: A parameter takes part in a direction if it has this part of it.
DIRECTION_PART = 0.1


@dataclass(frozen=True)
class Unidentifiable:
    """Indices of parameters: those without `effect`, and groups that only act together."""

    idle: tuple[int, ...] = ()
    together: tuple[tuple[int, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.idle or self.together)

    def describe(self, labels: Sequence[str]) -> str:
        """What cannot be known, as a sentence."""
        parts = []
        if self.idle:
            names = ", ".join(f"'{labels[i]}'" for i in self.idle)
            parts.append(f"the output does not depend on {names}, or by jumps alone")
        for group in self.together:
            names = ", ".join(f"'{labels[i]}'" for i in group)
            parts.append(f"{names} cannot be told apart: only a combination of them acts")
        return "; ".join(parts)


def find_unidentifiable(curvature: NDArray[np.float64]) -> Unidentifiable:
    """What a Gauss-Newton matrix (P, P) leaves undetermined."""
    sizes = np.sqrt(np.maximum(np.diag(curvature), 0.0))
    idle = np.flatnonzero(sizes <= 1e-12 * float(sizes.max(initial=0.0)))
    acting = np.flatnonzero(sizes > 1e-12 * float(sizes.max(initial=0.0)))
    together = []
    if acting.size:
        scaled = curvature[np.ix_(acting, acting)] / np.outer(sizes[acting], sizes[acting])
        values, axes = np.linalg.eigh(scaled)
        for value, axis in zip(values, axes.T, strict=True):
            if value <= RANK_TOLERANCE * values[-1]:
                group = acting[np.abs(axis) > DIRECTION_PART]
                together.append(tuple(int(i) for i in group))
    return Unidentifiable(tuple(int(i) for i in idle), tuple(dict.fromkeys(together)))


def condition(curvature: NDArray[np.float64]) -> float:
    """Smallest over largest singular value of the normalized Jacobian; 0 without full rank."""
    sizes = np.sqrt(np.maximum(np.diag(curvature), 0.0))
    if not np.isfinite(sizes).all() or not sizes.all():
        return 0.0
    values = np.linalg.eigvalsh(curvature / np.outer(sizes, sizes))
    return float(np.sqrt(max(values[0], 0.0) / values[-1]))


def share(curvature: NDArray[np.float64]) -> float:
    """R^2 of the last column of a Jacobian on the others, from the products of its columns."""
    size = np.sqrt(np.maximum(np.diag(curvature), 0.0))
    if not size[-1] > 0:
        return 1.0
    keep = np.flatnonzero(size[:-1] > 0)
    if not keep.size:
        return 0.0
    scaled = curvature / np.outer(np.where(size > 0, size, 1.0), np.where(size > 0, size, 1.0))
    inner, cross = scaled[np.ix_(keep, keep)], scaled[keep, -1]
    coefficients, *_ = np.linalg.lstsq(inner, cross, rcond=1e-12)
    return float(cross @ coefficients)
