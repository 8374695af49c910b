"""`faustdiff.fit` and its kin on arrays, and how the report of a fit looks in a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import faustdiff
from faustdiff.commands.main import main
from faustdiff.errors import InputError
from faustdiff.recordings import write_audio
from support.fits import FOLDER

RATE = 48000
FILTER = """import("stdfaust.lib");
process = fi.lowpass(1, hslider("f [diff:1] [scale:log] [unit:Hz]", 1000, 50, 15000, 1))
    : *(hslider("g [diff:1]", 0.5, 0.1, 2, 0.01));
"""
MENU = """shape = nentry("shape [diff:1] [style:menu{'soft':0;'hard':1;'half':2}]", 0, 0, 2, 1);
inverted = checkbox("inverted");
k = hslider("k [diff:1]", 1, 0.1, 10, 0.01);
offset = hslider("offset [diff:1]", 0.3, 0, 1, 0.01);
process(x) = (1 - 2 * inverted) * select3(shape, y / (1 + abs(y)), max(-1, min(1, y)), max(0, y))
    + offset with { y = k * x; };
"""


def noise(frames: int = 6000) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, frames)


def lowpassed(f: float, g: float, signal: np.ndarray) -> np.ndarray:
    """The bilinear transform of a pole, as fi.lowpass(1) is."""
    w = np.tan(np.pi * f / RATE)
    found, x1, y1 = np.zeros_like(signal), 0.0, 0.0
    for index, x in enumerate(signal):
        y1 = (w * (x + x1) + (1 - w) * y1) / (1 + w)
        x1 = x
        found[index] = y1
    return g * found


def test_fit_on_arrays(tmp_path: Path) -> None:
    late = np.concatenate([np.zeros(20), -lowpassed(3000, 0.9, noise())])
    found = faustdiff.fit(FILTER, noise(), late, RATE)
    assert found.values == pytest.approx({"f": 3000, "g": 0.9}, rel=1e-6)
    assert found.verdict.kind == "found"
    assert found.latency == pytest.approx(20, abs=1e-6)
    assert found.inverted
    assert found.output == pytest.approx(found.target, abs=1e-7)
    assert found.residual.shape == found.output.shape == (1, found.target.shape[1])
    assert "3000" in found.program
    assert "<strong>found</strong>" in found._repr_html_()
    assert found.report().startswith("<!doctype html>")
    assert len(found.plot().axes) == 3
    path = tmp_path / "filter.dsp"
    path.write_text(FILTER, encoding="utf-8")
    again = faustdiff.fit(path, [noise()], [late], RATE, params=["g"], settings={"f": 3000})
    assert again.values == pytest.approx({"g": 0.9}, rel=1e-6)


def test_what_cannot_be_fitted_is_said() -> None:
    with pytest.raises(InputError, match="there are 2 inputs and 1 targets"):
        faustdiff.fit(FILTER, [noise(), noise()], [noise()], RATE)
    with pytest.raises(InputError, match="has the shape"):
        faustdiff.fit(FILTER, noise(), np.zeros(0), RATE)
    with pytest.raises(InputError, match="cannot be read"):
        faustdiff.fit("nothing.dsp", noise(), noise(), RATE)
    with pytest.raises(InputError, match="0 is no sample rate"):
        faustdiff.fit(FILTER, noise(), noise(), 0)
    for what, target in {
        "give its transpose": noise()[:, None],
        "has no real numbers": noise() * 1j,
        "has whole numbers": (32767 * noise()).astype(np.int16),
    }.items():
        with pytest.raises(InputError, match=what):
            faustdiff.fit(FILTER, noise(), target, RATE)


def test_menus_and_checkboxes_are_searched() -> None:
    target = -np.clip(4 * noise(), -1, 1) + 0.1
    found = faustdiff.fit(MENU, noise(), target, RATE, menus=["inverted"], align=False)
    assert found.values == pytest.approx({"k": 4, "offset": 0.1}, rel=1e-6)
    assert "'shape' is 1: it explains most" in found.notes
    assert "'inverted' is 1: it explains most" in found.notes


def test_a_network_with_flat_directions_goes_on() -> None:
    """A gain behind a gain: no matrix is inverted, so what is flat is a warning."""
    sliders = [f'{one} = hslider("{one} [diff:1]", 0.5, 0, 2, 0.01);' for one in "ab"]
    text = " ".join([*sliders, "process = *(a * b);"])
    with pytest.raises(InputError, match="not identifiable"):
        faustdiff.fit(text, noise(), 0.8 * noise(), RATE)
    found = faustdiff.fit(text, noise(), 0.8 * noise(), RATE, optimizer="lbfgs")
    assert found.values["a"] * found.values["b"] == pytest.approx(0.8, rel=1e-3)
    assert any("cannot be told apart" in one for one in found.warnings)


def test_the_other_functions(tmp_path: Path) -> None:
    done = faustdiff.differentiate(FILTER)
    assert [one.label for one in done.params] == ["f", "g"]
    assert faustdiff.verify(FILTER, seconds=0.05).holds
    assert faustdiff.verify(FILTER, noise(2000), RATE, tolerance=1e-4).holds
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("primitives: []\nno: 1\n", encoding="utf-8")
    with pytest.raises(InputError):
        faustdiff.check(wrong)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(faustdiff, "nothing")  # noqa: B009


def test_the_notebook_runs() -> None:
    """Its cells one after the other; the last expressions of cells are evaluated as well."""
    notebook = json.loads((FOLDER / "amplifier.ipynb").read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert names["found"].values == pytest.approx({"drive": 18, "tone": 4000}, rel=1e-4)
    assert names["found"].latency == pytest.approx(57, abs=1e-3)
    assert names["found"].inverted


@pytest.mark.xdist_group("site")
@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (390, "dark")])
def test_no_element_of_the_report_overflows(
    tmp_path: Path, chromium: Any, width: int, scheme: str
) -> None:
    (tmp_path / "filter.dsp").write_text(FILTER, encoding="utf-8")
    write_audio(tmp_path / "a rather long name of a recording.wav", iter([noise()[None]]), 1, RATE)
    other = np.abs(lowpassed(3000, 0.9, noise()))[None]
    write_audio(tmp_path / "target.wav", iter([other]), 1, RATE)
    arguments = ["fit", str(tmp_path / "filter.dsp"), "--out", str(tmp_path / "o")]
    arguments += ["--input", str(tmp_path / "a rather long name of a recording.wav")]
    result = CliRunner().invoke(main, [*arguments, "--target", str(tmp_path / "target.wav")])
    assert result.exit_code == 3, result.output
    page = chromium.new_page(
        viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
    )
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.goto((tmp_path / "o" / "report.html").as_uri())
    page.evaluate("document.querySelector('details').open = true")
    wide = page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(one =>
            !one.closest('.scroll') && !one.closest('svg') && !one.closest('audio') &&
            (one.getBoundingClientRect().right > innerWidth + 0.5
             || one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0
                && getComputedStyle(one).display !== 'inline')).map(one => one.outerHTML)"""
    )
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(255, 255, 255)") == (scheme == "light")
    assert problems == []
    page.close()
