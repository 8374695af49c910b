"""Whether a built site holds together: links, anchors, and nothing that is fetched from a network.

    python tools/check_site.py site

MkDocs itself checks what is written as a link in Markdown; here it is all that a browser follows or
loads, in whatever way it was written. Links to other sites are only looked at for their form.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Attributes that make a browser load something by itself, by tag.
LOADS = {
    "audio": ("src",),
    "iframe": ("src",),
    "img": ("src", "srcset"),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
}
#: Relations of a `link` that load nothing.
STATED = {"alternate", "author", "canonical", "license", "next", "prev"}
#: Schemes of links that leave the site; without one, that of the page.
ELSEWHERE = {"", "data", "http", "https", "mailto"}
#: Shown at whatever address is not found, so its links start at the root of a server.
NOT_FOUND = "404.html"


@dataclass
class Page(HTMLParser):
    """The anchors of a page, where its links lead, what it loads, and what is wrong with it."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        anchor = given.get("id", "")
        if anchor in self.anchors:
            self.problems.append(f"the id '{anchor}' is there twice")
        self.anchors |= {anchor} - {""}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "img" and "alt" not in given:
            self.problems.append(f"an image without a text in its place: {given.get('src')}")
        if tag != "link" or not set(given.get("rel", "").split()) & STATED:
            self.loaded += [given[name] for name in LOADS.get(tag, ()) if given.get(name)]


def problems(site: Path) -> list[str]:
    """What is wrong with the site in a folder, one line each."""
    site = site.resolve()
    pages = {path: _page(path) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        wrong = list(page.problems)
        wrong += [f"loaded from a network: {url}" for url in page.loaded if _is_far(url)]
        if path.name != NOT_FOUND:
            for target in [*page.links, *page.loaded]:
                wrong += _dead(target, path, pages)
        found += [f"{path.relative_to(site)}: {text}" for text in dict.fromkeys(wrong)]
    for path in sorted(site.rglob("*.css")):
        for url in re.findall(r"url\(\s*['\"]?([^'\")]+)", path.read_text("utf-8")):
            if _is_far(url):
                found.append(f"{path.relative_to(site)}: loaded from a network: {url}")
    return found


def _page(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text("utf-8"))
    return page


def _is_far(url: str) -> bool:
    return bool(urlsplit(url).netloc)


def _dead(target: str, path: Path, pages: dict[Path, Page]) -> list[str]:
    """What is wrong with a link on a page; [] if nothing is."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return [] if parts.scheme in ELSEWHERE else [f"no address: {target}"]
    file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if file.is_dir():
        file /= "index.html"
    if not file.is_file():
        return [f"leads nowhere: {target}"]
    anchors = pages[file].anchors | {"", "__top"} if file in pages else set()
    if parts.fragment and unquote(parts.fragment) not in anchors:
        return [f"no such place: {target}"]
    return []


def main(site: str) -> int:
    """Prints what is wrong; the exit code says whether anything is."""
    if not (Path(site) / "index.html").is_file():
        print(f"{site}: holds no site; 'make docs' builds one", file=sys.stderr)
        return 2
    found = problems(Path(site))
    print("\n".join(found) or f"{site}: every link leads somewhere, nothing comes from a network")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["site"]))
