"""What the plots share: text of the user's own, and images without a word of complaint."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def canvas(width: float, height: float) -> Figure:
    """An empty figure of this size in inches."""
    # Imported here: it takes longer to load than many programs take to run.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def literal_label(label: str) -> str:
    """A label as it stands: a pair of dollars would be read as a formula."""
    return label.replace("$", r"\$")


def png(figure: Figure) -> bytes:
    """The figure as an image, the same for the same figure."""
    image = io.BytesIO()
    with warnings.catch_warnings():
        # A label in a script that the font does not have is drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(image, format="png", dpi=100, metadata={"Software": None})
    return image.getvalue()


def colours() -> NDArray[np.uint8]:
    """A palette (256, 3) from dark blue over red to pale yellow, ever brighter."""
    stops = np.array([[12, 10, 38], [66, 20, 104], [160, 44, 92], [232, 104, 52], [252, 240, 164]])
    places = np.linspace(0, 255, len(stops))
    levels = np.arange(256)
    channels = [np.interp(levels, places, stops[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).astype(np.uint8)


def indexed_png(values: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """An image (rows, columns) of indices into a `palette` (256, 3), as a PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    rows, columns = values.shape
    # Each row begins with the number of its filter: none.
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), values], axis=1).tobytes()
    head = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    parts = [(b"IHDR", head), (b"PLTE", palette.tobytes()), (b"IDAT", zlib.compress(lines, 6))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in [*parts, (b"IEND", b"")])
