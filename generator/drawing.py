"""What the plots share: text of the user's own, and a PNG without a word of complaint."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

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


def plain(label: str) -> str:
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
