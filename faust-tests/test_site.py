"""The site in a browser: every page can be read and used, the search works from a disk, the
playground compiles."""

from __future__ import annotations

import functools
import html
import http.server
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import command_pages
from browser_checks import problems_in
from support.library_symbols import symbols

pytestmark = pytest.mark.xdist_group("site")

#: Seconds for the compiler to load and compile, on a busy machine.
PATIENCE = 60_000
#: What the theme calls its colours by day and by night.
SCHEMES = {"light": "default", "dark": "slate"}
SLOW = pytest.mark.slow
#: Widths and palettes of the window.
VIEWS = ((1280, "light"), (390, "light"), (390, "dark"), (1280, "dark"))
#: The palette of the site is chosen, as by its button.
CHOOSE = "(it) => document.querySelector(`input[data-md-color-scheme=${it}]`).click()"
CHOSEN = "() => document.body.dataset.mdColorScheme"
STILL = """addEventListener("DOMContentLoaded", () => {
    document.head.append(Object.assign(document.createElement("style"),
        { textContent: "* { transition: none !important; }" }));
})"""
#: Lines of code that are wider than their box.
WIDE_CODE = """[...document.querySelectorAll("pre code")]
    .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => "wide: " + e.textContent)"""
WRONG = """import("stdfaust.lib");

process = os.osc(440) : nowhere;
"""


@pytest.mark.parametrize(
    "share", [pytest.param(4, id="in one view"), pytest.param(1, id="in all views", marks=SLOW)]
)
def test_every_page_can_be_read(site: Path, chromium: Any, share: int) -> None:
    """One page of so many in each of the views."""
    context = chromium.new_context()
    page = context.new_page()
    # Colours are read at once, not on their way.
    page.add_init_script(STILL)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    wrong = {}
    # Nothing of 404.html, whose addresses are those of a server.
    paths = [path for path in sorted(site.rglob("*.html")) if path.name != "404.html"]
    for start, (width, scheme) in enumerate(VIEWS):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        for path in paths[start % share :: share]:
            page.goto(path.as_uri())
            if page.evaluate(CHOSEN) != SCHEMES[scheme]:
                page.evaluate(CHOOSE, SCHEMES[scheme])
                page.wait_for_function(f"(it) => ({CHOSEN})() === it", arg=SCHEMES[scheme])
            found = [*problems_in(page), *page.evaluate(WIDE_CODE)]
            if found:
                wrong[path.name, width, scheme] = found
    context.close()
    assert wrong == {}
    assert errors == []


def test_code_is_coloured(site: Path) -> None:
    """Each piece of Faust has its keywords and names apart."""
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8")
        for code in re.findall(r'<div class="language-faust.*?</div>', text, re.DOTALL):
            assert "<span class=" in code, html.unescape(code)
    tutorial = (site / "tutorial.html").read_text("utf-8")
    assert re.search(r'<span class="kn?">library</span>', tutorial)
    assert '<span class="nf">hslider</span>' in tutorial


def test_the_references_are_complete(site: Path) -> None:
    library = (site / "library.html").read_text("utf-8")
    for symbol in symbols():
        if not symbol.title:
            continue
        part = library.split(f'<h3 id="{symbol.name}">')[1].split("<h3")[0]
        assert "Usage" in part and "Example" in part, symbol.name
        assert f'src="diagrams/df/{symbol.name}.svg"' in part, symbol.name
    commands = (site / "commands.html").read_text("utf-8")
    for name, _, _ in command_pages.commands():
        assert f'<h2 id="{name}">' in commands


def test_the_sheets_of_diagrams_lead_to_each_other(site: Path) -> None:
    """Each sheet of a folded diagram is reached from the first, and fits a page."""
    folder = site / "diagrams" / "df"
    links = {
        path.name: set(re.findall(r'<a xlink:href="([^"]*)"', path.read_text("utf-8")))
        for path in folder.glob("*.svg")
    }
    reached = {f"{symbol.name}.svg" for symbol in symbols() if symbol.title}
    assert len(links) > len(reached)
    while more := set().union(*(links[name] for name in reached)) - reached:
        reached |= more
    assert reached == set(links)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 20e6


def test_the_search_works_from_a_disk(site: Path, chromium: Any) -> None:
    page = chromium.new_page()
    page.goto((site / "index.html").as_uri())
    # The index is read when the field is entered; before that, what is typed is not heard.
    page.get_by_placeholder("Search").click()
    page.get_by_text("Type to start searching").wait_for(state="attached", timeout=PATIENCE)
    page.get_by_placeholder("Search").press_sequentially("backprop")
    page.locator(".md-search-result__item").first.wait_for(state="attached", timeout=PATIENCE)
    assert "backprop" in page.locator(".md-search-result__list").inner_text()
    page.close()


def test_the_front_page_learns(site: Path, chromium: Any) -> None:
    page = chromium.new_page()
    page.goto((site / "index.html").as_uri())
    page.get_by_role("button", name="Start").click()
    page.get_by_text("All hidden values are found").wait_for(timeout=20_000)
    page.close()


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """The address of the site on a server, with its compiler."""
    if not (site / "playground" / "faust" / "index.js").exists():
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("the playground has no compiler: 'npm install'")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *_: Any) -> None:  # noqa: A002
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_playground(served: str, chromium: Any) -> None:
    page = chromium.new_page()
    page.goto(f"{served}/playground.html")
    editor = page.get_by_label("Faust program")

    def compiled() -> str:
        page.get_by_role("button", name="Compile").click()
        page.wait_for_function(
            "!['', 'Compiling ...'].includes(document.querySelector('.message').textContent)",
            timeout=PATIENCE,
        )
        return str(page.locator(".message").inner_text())

    for example in ("A gain and a pole that learn", "A lowpass finds its cutoff"):
        page.get_by_label("Example").select_option(example)
        assert "kB of WebAssembly" in compiled()
        page.get_by_role("button", name="Start").click()
        page.get_by_text("All hidden values are found").wait_for(timeout=20_000)

    editor.fill(WRONG)
    assert "undefined symbol : nowhere" in compiled()
    wrong = page.locator(".editor pre.wrong")
    assert wrong.evaluate("(e) => e.style.getPropertyValue('--wrong')") == "3"

    editor.fill("")
    assert "no program yet" in compiled()
    editor.fill('process = library("https://localhost/a.lib").b;')
    assert "fetches nothing from an address" in compiled()

    # The compiler goes on after an error; a program that does not learn is played.
    editor.fill('process = button("play") * 0.5;')
    assert "kB of WebAssembly" in compiled()
    page.get_by_role("button", name="Start").click()
    page.get_by_text("Running.").wait_for()

    page.get_by_role("button", name="Copy link").click()
    page.wait_for_function("location.hash.startsWith('#program=')")
    address = page.url
    page.close()
    other = chromium.new_page()
    other.goto(address)
    other.wait_for_function(
        "document.querySelector('textarea[aria-label]')?.value.includes('play')"
    )
    other.close()


def test_a_broken_page_is_told(chromium: Any, tmp_path: Path) -> None:
    """The checks of this file can fail."""
    (tmp_path / "page.html").write_text(
        "<p style='width: 3000px; color: #999; background: #fff'>Wide and pale.</p>"
        "<img src='data:,'><button></button>"
    )
    page = chromium.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    told = " ".join(problems_in(page))
    page.close()
    for what in (
        "no title",
        "no language",
        "no first heading",
        "wider than the window",
        "contrast of 2.85",
        "an image without a text",
        "a control without a name",
    ):
        assert what in told
