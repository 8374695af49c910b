"""Pages that learn, in Chromium: they find what is hidden, follow, sound as native, can be used."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from browser_checks import problems_in
from faustdiff.commands.main import main
from faustdiff.faust import wasm
from faustdiff.faust.compilers import find_compiler
from faustdiff.faust.program import build
from faustdiff.pages.programs import page_program
from support.pages import README, blocks
from support.paths import BUILD, ROOT

EXAMPLES = ROOT / "examples"
#: Programs that learn, and what they are to find.
LEARNING = {
    "gain": {"gain": 0.5},
    "gain_and_dc": {"gain": 0.5, "dc": -0.5},
    "one_pole": {"a": 0.7},
    "fir": {f"tap {i}": 0.6 * np.cos(0.9 * i) * 0.8**i for i in range(8)},
    "readme": {"gain": 0.5, "pole": 0.8},
}
PLAIN = """import("stdfaust.lib");
gain = hslider("gain [diff:1]", 0.3, 0, 1, 0.001);
cutoff = hslider("cutoff [diff:1] [unit:Hz] [scale:log]", 500, 50, 10000, 1);
process = *(gain) : fi.lowpass(2, cutoff);
"""
LABELS = """
gain(value) = hslider("gain[diff:1]", value, 0, 1, 0.01);
odd = hslider("</script>\u00fc & 'x' {{ 7 }}[diff:1][unit:</b>]", 0.3, 0, 1, 0.01);
far = hslider("two[diff:1]", 0, 0, 1, 1);
tiny = vgroup("Hidden", hslider("loss[diff:1]", 1e-9, 0, 1e-8, 1e-12));
left_out = vgroup("Learned", hslider("learning rate factor", 1, 0, 2, 0.1)) * 0;
one_value = hslider("fixed[diff:1]", 1, 1, 1, 0.1);
process(x) = hgroup("a/b", x * gain(0.3) * one_value), hgroup("c", x * gain(0.1)), x * odd,
    x * far, x * tiny + left_out;
"""
#: Seconds of audio in which a page has to find what is hidden.
LIMIT = 20
RATE = 44100

pytestmark = pytest.mark.xdist_group("site")


@pytest.fixture
def show(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """The page of a program, opened from a file; an error in its console fails the test."""
    errors: list[str] = []
    contexts = []

    def shown(name: str, source: str, **options: Any) -> Any:
        (tmp_path / f"{name}.dsp").write_text(source)
        page = tmp_path / f"{name}.html"
        arguments = ["page", str(tmp_path / f"{name}.dsp"), "-o", str(page)]
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, done.output
        contexts.append(chromium.new_context(**options))
        opened = contexts[-1].new_page()
        opened.on("console", lambda one: one.type == "error" and errors.append(one.text))
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.goto(page.as_uri())
        return opened

    yield shown
    for context in contexts:
        context.close()
    assert errors == []


def source_of(name: str) -> str:
    if name == "readme":
        return next(text for text in blocks(README, "faust") if "backprop" in text)
    return (EXAMPLES / f"{name}.dsp").read_text()


def report(page: Any) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("({...page.report, values: [...page.report.values]})")
    return found


def wait_until_found(page: Any) -> None:
    page.get_by_text("All hidden values are found").wait_for(timeout=1000 * LIMIT)


def problems_anywhere(page: Any) -> list[str]:
    """What is wrong with a page on a phone and on a desktop, by day and by night."""
    found = []
    for width, scheme in itertools.product((390, 1280), ("light", "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        found += [f"{width}, {scheme}: {problem}" for problem in problems_in(page)]
    return found


@pytest.mark.parametrize("name", LEARNING)
def test_a_page_finds_what_is_hidden(show: Callable[..., Any], name: str) -> None:
    page = show(name, source_of(name))
    page.get_by_role("button", name="Start").click()
    wait_until_found(page)
    found = report(page)
    labels = page.evaluate("page.plan.parameters.map((one) => one.label)")
    assert found["seconds"] < LIMIT
    values = dict(zip(labels, found["values"], strict=True))
    # One per cent, as the page says; a tap that is nearly 0 by one per cent of itself too.
    assert values == pytest.approx(LEARNING[name], rel=1.05e-2)
    assert problems_anywhere(page) == []


def test_a_slider_is_moved_by_keyboard_and_followed(show: Callable[..., Any]) -> None:
    page = show("gain", source_of("gain"))
    page.get_by_role("button", name="Start").focus()
    page.keyboard.press("Enter")
    wait_until_found(page)
    assert report(page)["values"][0] == pytest.approx(0.5, rel=1e-2)
    page.get_by_role("slider", name="gain, hidden").focus()
    page.keyboard.press("End")
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    page.wait_for_function("page.report.values[0] > 0.89", timeout=1000 * LIMIT)
    wait_until_found(page)
    assert report(page)["values"][0] == pytest.approx(0.9, rel=1e-2)
    meter = page.get_by_role("meter", name="gain, learned")
    assert float(meter.get_attribute("aria-valuenow")) == pytest.approx(0.9, rel=1e-2)


def test_stop_reset_and_learning_rate(show: Callable[..., Any]) -> None:
    page = show("gain", source_of("gain"))
    rate = page.get_by_role("slider", name="Learning rate")
    rate.focus()
    page.keyboard.press("Home")  # a hundredth
    page.get_by_role("button", name="Start").click()
    page.wait_for_function("page.report && page.report.seconds > 0.4")
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped.").wait_for()
    slow = report(page)
    # The mean of the square of white noise is 1/3: each step takes away rate/3 of the distance
    # twice, at 3e-4 and at a hundredth of that.
    expected = 0.5 * (1 - np.exp(-2 * 3e-6 / 3 * RATE * slow["seconds"]))
    assert slow["values"][0] == pytest.approx(expected, rel=0.1)
    page.get_by_role("button", name="Reset").click()
    page.get_by_text("Back at the start.").wait_for()
    rate.focus()
    page.keyboard.press("End")
    page.get_by_role("button", name="Start").click()
    wait_until_found(page)


def test_nothing_is_heard_until_asked(show: Callable[..., Any]) -> None:
    page = show("gain", source_of("gain"))
    page.get_by_role("button", name="Start").click()
    page.wait_for_function("page.report")
    gains = "page.gains.map((one) => one.gain.value)"
    assert page.evaluate(gains) == [0, 0, 0]
    page.get_by_label("Truth").check()
    page.wait_for_function(f"{gains}[1] > 0.09")
    assert page.evaluate(gains)[::2] == [0, 0]


@pytest.mark.parametrize("name", ["gain", "fir"])
def test_a_page_sounds_as_the_program_does_natively(show: Callable[..., Any], name: str) -> None:
    source = source_of(name)
    page = show(name, source)
    frames = RATE // 2 // 128 * 128
    heard = page.evaluate(
        "async (frames) => { const {truth, learned} = await page.render(frames, 44100);"
        " return [[...truth], [...learned]]; }",
        frames,
    )
    native = build(source, include=[BUILD]).run(None, frames, sample_rate=RATE)
    assert np.abs(native[1:]).max() > 0.1
    # The browser hands on single precision, so 1e-7; 1e-4 is what is asked.
    np.testing.assert_allclose(heard, native[1:3], atol=1e-4)


def test_a_plain_program_is_learned_and_sounds_as_natively(show: Callable[..., Any]) -> None:
    page = show("plain", PLAIN)
    page.get_by_role("button", name="Start").click()
    wait_until_found(page)
    hidden = page.evaluate("page.plan.parameters.map((one) => one.hidden.init)")
    assert report(page)["values"] == pytest.approx(hidden, rel=1e-2)
    assert problems_anywhere(page) == []
    heard = page.evaluate(
        "async () => { const {input, truth} = await page.render(12800, 44100);"
        " return [[...input], [...truth]]; }"
    )
    source = PLAIN.replace("0.3,", f"{hidden[0]},").replace("500,", f"{hidden[1]},")
    native = build(source).run([heard[0]], 12800, sample_rate=RATE)
    np.testing.assert_allclose(heard[1], native[0], atol=1e-4)


def test_sliders_of_any_name_and_range_are_found(show: Callable[..., Any]) -> None:
    """Labels that JSON, HTML or a path would end in; a group that the compiler leaves out; one step
    from end to end; and values next to which nothing is 0."""
    page = show("labels", LABELS)
    labels = page.evaluate("page.plan.parameters.map((one) => one.label)")
    assert labels == ["a/b/gain", "c/gain", "</script>\u00fc & 'x' {{ 7 }}", "two", "loss"]
    page.get_by_role("button", name="Start").click()
    wait_until_found(page)
    hidden = page.evaluate("page.plan.parameters.map((one) => one.hidden.init)")
    assert hidden == pytest.approx([0.6, 0.4, 0.6, 1, 4e-9])
    assert report(page)["values"] == pytest.approx(hidden, rel=1e-2)
    page.set_viewport_size({"width": 390, "height": 800})
    assert problems_in(page) == []


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("process = *(GAIN) : sqrt;", "the output is not a number"),
        ('process = *(GAIN * checkbox("on"));', "nothing tells them apart"),
    ],
)
def test_a_page_tells_why_nothing_is_learned(
    show: Callable[..., Any], source: str, told: str
) -> None:
    gain = 'hslider("gain[diff:1]", 0.3, 0, 1, 0.01)'
    page = show("nothing", source.replace("GAIN", gain))
    page.get_by_role("button", name="Start").click()
    page.get_by_text(told).wait_for(timeout=1000 * LIMIT)


PLAIN_LOSS = """
process = *(hslider("gain[diff:1]", 0.3, 0, 1, 0.01)) : hbargraph("loss", 0, 1) <: attach(_, LEVEL);
"""


@pytest.mark.parametrize("level", ["_", 'hbargraph("level", 0, 1)'])
def test_a_plain_program_may_call_a_meter_loss(level: str) -> None:
    source = PLAIN_LOSS.replace("LEVEL", level)
    made = page_program(source, compiler=find_compiler(), file="plain.dsp")
    assert made.kind == "sliders"
    assert len(made.sought) == 1


def test_a_program_that_learns_may_mark_sliders() -> None:
    source = source_of("gain").replace('"gain"', '"gain[diff:1]"')
    assert "[diff:1]" in source
    made = page_program(source, compiler=find_compiler(), file="gain.dsp")
    assert made.kind == "self"


def test_a_page_does_not_take_the_place_of_its_program(tmp_path: Path) -> None:
    program = tmp_path / "gain.dsp"
    program.write_text(PLAIN)
    for command in ("page", "differentiate"):
        done = CliRunner().invoke(main, [command, str(program), "-o", str(program)])
        assert done.exit_code == 2
        assert "is the program itself\n  choose another file" in done.output
    # In reverse mode two programs are written, beside it.
    done = CliRunner().invoke(
        main, ["differentiate", str(program), "--mode", "reverse", "-o", str(program)]
    )
    assert done.exit_code == 0, done.output
    assert program.read_text() == PLAIN


def test_the_tab_key_reaches_every_control(show: Callable[..., Any]) -> None:
    page = show("plain", PLAIN)
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.tagName"))
    # In the order of the page.
    assert reached == ["BUTTON", "BUTTON", "INPUT", "SELECT", *["INPUT"] * 4, "SUMMARY"]
    # Before anything was learned, too.
    assert problems_anywhere(page) == []


def test_a_page_tells_nothing_of_the_machine_that_made_it(tmp_path: Path) -> None:
    compiler = find_compiler()
    if compiler.name != "faust":
        pytest.skip("only the command 'faust' makes modules here")
    module = wasm.to_wasm(source_of("gain"), compiler=compiler, include=[BUILD])
    assert module.code.startswith(b"\0asm")
    assert str(ROOT).encode() not in module.code and b"library_list" not in module.code
    assert set(module.description) == set(wasm.PAGE_FIELDS)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("process = _;", "nothing in the program shows that it learns"),
        ('process = _ : hbargraph("loss", 0, 1);', "nothing in the program shows that it learns"),
        ('process = hslider("a", 0, 0, 1, 0.1);', "write [diff:1] into the label"),
        ('process = *(hslider("a[diff:1]", 1, 1, 1, 0.1));', "a minimum below its maximum"),
        ("process = +(;", "syntax error"),
        (
            'process = hslider("a[diff:1]", 0, 0, 1, 0.1) : ffunction(float erf(float), "", "");',
            "erf",
        ),
    ],
)
def test_a_program_that_no_page_can_show_is_told(tmp_path: Path, source: str, told: str) -> None:
    (tmp_path / "a.dsp").write_text(source)
    page = tmp_path / "a.html"
    done = CliRunner().invoke(main, ["page", str(tmp_path / "a.dsp"), "-o", str(page)])
    assert done.exit_code == 2
    assert told in done.output
    assert not page.exists()


def test_without_a_compiler_for_webassembly_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gain.dsp").write_text(source_of("gain"))
    monkeypatch.setattr(wasm, "faustwasm", lambda: None)
    arguments = ["page", str(tmp_path / "gain.dsp"), "-o", str(tmp_path / "a.html")]
    done = CliRunner().invoke(main, [*arguments, "--compiler", "cyfaust"])
    assert done.exit_code == 2
    assert "npm install @grame/faustwasm" in done.output
    # No compiler was there to say anything.
    assert "this is what the compiler" not in done.output
    assert not (tmp_path / "a.html").exists()
