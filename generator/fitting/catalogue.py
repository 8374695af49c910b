"""The losses by name, and by name with settings: `mrstft:sizes=1024+256,log=2`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from ..errors import InputError, Place, Problem
from .distances import Convergence, Distance, Divergence, Magnitude, Transport
from .losses import Loss, Residual, Spectral
from .short_time import ShortTime
from .spectra import SpectralLoss, SumAndDifference

#: Distances by the names of their weights.
DISTANCES: Mapping[str, Distance] = {
    "convergence": Convergence(),
    "log": Magnitude(log=True),
    "linear": Magnitude(),
    "ot": Transport(),
    "kl": Divergence(),
}
#: Resolutions that are usual for several, and for one: sizes, hops, windows.
SEVERAL_RESOLUTIONS = ((1024, 2048, 512), (120, 240, 50), (600, 1200, 240))
ONE_RESOLUTION = ((1024,), (256,), (1024,))
#: Of distributions over frequency: the wider the window, the finer the bins.
FINE_RESOLUTION = ((4096,), (1024,), (4096,))
MEL_BANDS = 128


@dataclass(frozen=True)
class Recipe:
    """A spectral loss by its resolutions and weights, before it knows a sampling rate."""

    resolutions: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    weights: Mapping[str, float]
    mels: int = 0
    a_weighted: bool = False
    stereo: tuple[float, float] | None = None
    centred: bool = True

    def loss(self) -> Loss:
        """The loss itself."""
        shapes = zip(*self.resolutions, strict=True)
        transforms = tuple(ShortTime(*shape, self.centred) for shape in shapes)
        weights = tuple((weight, DISTANCES[name]) for name, weight in self.weights.items())
        inner = SpectralLoss(transforms, weights, self.mels, self.a_weighted)
        return inner if self.stereo is None else SumAndDifference(inner, self.stereo)


CONVERGENCE_AND_LOG = {"convergence": 1.0, "log": 1.0}
RECIPES: Mapping[str, Recipe] = {
    "magnitude": Recipe(ONE_RESOLUTION, {"linear": 1.0}),
    "logmag": Recipe(ONE_RESOLUTION, {"log": 1.0}),
    "convergence": Recipe(ONE_RESOLUTION, {"convergence": 1.0}),
    "mrstft": Recipe(SEVERAL_RESOLUTIONS, CONVERGENCE_AND_LOG),
    "mel": Recipe(ONE_RESOLUTION, CONVERGENCE_AND_LOG, mels=MEL_BANDS),
    "aweighted": Recipe(SEVERAL_RESOLUTIONS, CONVERGENCE_AND_LOG, a_weighted=True),
    "sumdiff": Recipe(SEVERAL_RESOLUTIONS, CONVERGENCE_AND_LOG, stereo=(1.0, 1.0)),
    "ot": Recipe(FINE_RESOLUTION, {"ot": 1.0}, centred=False),
    "kl": Recipe(FINE_RESOLUTION, {"kl": 1.0}, centred=False),
}
SAMPLE_LOSSES: Mapping[str, Loss] = {
    "mse": Residual("squared"),
    "mae": Residual("absolute"),
    "huber": Residual("huber"),
    "esr": Residual("squared", emphasis=0.95, relative=True),
    "stft": Spectral(),
}
#: The losses by the names of the command line.
LOSSES: Mapping[str, Loss] = {
    **SAMPLE_LOSSES,
    **{name: one.loss() for name, one in RECIPES.items()},
}
RESOLUTION_KEYS = ("sizes", "hops", "windows")
LOSS_KEYS = (*RESOLUTION_KEYS, *DISTANCES, "mels", "aweighted", "sum", "difference")


@lru_cache(maxsize=64)
def parse_loss(text: str) -> Loss:
    """The loss of a name of `LOSSES`, or `NAME:KEY=VALUE,...`.

    Keys are `sizes`, `hops` and `windows` (whole numbers joined by +; hops are a quarter of the
    size and windows as long as it, unless given), the weights of `DISTANCES`, `mels` (bands, 0 for
    none), `aweighted` (0 or 1), `sum` and `difference` (weights of a stereo pair). Raises
    `InputError` for what is none of that.
    """
    name, _, rest = text.partition(":")
    if name not in LOSSES:
        raise _wrong(text, f"no loss '{name}'", f"losses: {', '.join(LOSSES)}")
    if not rest:
        return LOSSES[name]
    if name not in RECIPES:
        hint = f"these have settings: {', '.join(RECIPES)}"
        raise _wrong(text, f"'{name}' has no settings", hint)
    settings = {}
    for one in rest.split(","):
        key, equals, value = one.partition("=")
        if key not in LOSS_KEYS or not equals:
            hint = f"write KEY=VALUE, of {', '.join(LOSS_KEYS)}"
            raise _wrong(text, f"'{one}' is no setting of a loss", hint)
        settings[key] = value
    return _with_settings(text, RECIPES[name], settings).loss()


def _with_settings(text: str, recipe: Recipe, settings: Mapping[str, str]) -> Recipe:
    sizes, hops, windows = recipe.resolutions
    if "sizes" in settings:
        sizes = _whole_number(text, "sizes", settings)
        hops, windows = tuple(max(1, size // 4) for size in sizes), sizes
    hops = _whole_number(text, "hops", settings) if "hops" in settings else hops
    windows = _whole_number(text, "windows", settings) if "windows" in settings else windows
    if not len(sizes) == len(hops) == len(windows):
        raise _wrong(text, "sizes, hops and windows differ in number", "give as many of each")
    if any(window > size for window, size in zip(windows, sizes, strict=True)) or min(sizes) < 4:
        raise _wrong(text, "a window is longer than its size", "make sizes 4 or more, and longer")
    given = {key: _number(text, key, settings) for key in settings if key not in RESOLUTION_KEYS}
    weights = {key: given.pop(key) for key in tuple(given) if key in DISTANCES}
    weights = {key: value for key, value in {**recipe.weights, **weights}.items() if value}
    if not weights:
        raise _wrong(text, "all weights are 0", f"give one of {', '.join(DISTANCES)}")
    stereo = recipe.stereo
    if "sum" in given or "difference" in given:
        before = stereo or (1.0, 1.0)
        stereo = (given.get("sum", before[0]), given.get("difference", before[1]))
    mels, aweighted = given.get("mels", recipe.mels), given.get("aweighted", recipe.a_weighted)
    resolutions = (sizes, hops, windows)
    return replace(
        recipe,
        resolutions=resolutions,
        weights=weights,
        mels=int(mels),
        a_weighted=bool(aweighted),
        stereo=stereo,
    )


def _whole_number(text: str, key: str, settings: Mapping[str, str]) -> tuple[int, ...]:
    try:
        numbers = tuple(int(one) for one in settings[key].split("+"))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1:
        raise _wrong(text, f"{key} is '{settings[key]}'", "write whole numbers as 1024+256")
    return numbers


def _number(text: str, key: str, settings: Mapping[str, str]) -> float:
    try:
        number = float(settings[key])
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e9:
        raise _wrong(text, f"{key} is '{settings[key]}'", "write a number of 0 or more")
    return number


def _wrong(text: str, what: str, hint: str) -> InputError:
    return InputError([Problem(Place(f"loss '{text}'"), what, hint)])


def at_rate(loss: Loss, rate: float) -> Loss:
    """A loss for signals of a sampling rate in Hz."""
    if isinstance(loss, SumAndDifference):
        return replace(loss, inner=at_rate(loss.inner, rate))
    return replace(loss, rate=rate) if isinstance(loss, SpectralLoss) else loss


def knows_level(loss: Loss) -> bool:
    """Whether a loss depends on how loud an output is; shares of energy do not."""
    if isinstance(loss, SumAndDifference):
        return knows_level(loss.inner)
    if not isinstance(loss, SpectralLoss):
        return True
    return not all(isinstance(one, Divergence | Transport) for _, one in loss.distances)
