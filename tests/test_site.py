"""The site of the documents: built without a warning, and complete without a network."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.test_documents import ROOT

pytest.importorskip("material", reason="mkdocs-material is not installed")

from mkdocs.commands.build import build
from mkdocs.config import load_config

LOADED = re.compile(
    r'<(?:script|img|iframe|source)\b[^>]*\bsrc="(?P<src>[^"]+)"'
    r'|<link\b[^>]*\brel="(?:stylesheet|icon|preload|preconnect|dns-prefetch)"[^>]*>'
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True))
    return folder


def loaded(page: Path) -> Iterator[str]:
    """What a browser loads to show a page."""
    for match in LOADED.finditer(page.read_text(encoding="utf-8")):
        href = re.search(r'href="([^"]+)"', match[0])
        if address := match["src"] or (href[1] if href else ""):
            yield address


def test_a_page_loads_nothing_from_elsewhere_and_everything_is_there(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert {"index.html", "tutorials/learner.html", "explanation/limits.html", "quizzes.html"} <= {
        str(page.relative_to(site)) for page in pages
    }
    for page in pages:
        for address in loaded(page):
            parts = urlsplit(address)
            assert not parts.scheme and not parts.netloc, f"{page.name}: {address}"
            if page.name != "404.html":  # its addresses begin at the root of a server
                assert (page.parent / unquote(parts.path)).exists(), f"{page.name}: {address}"
    for style in [*site.rglob("*.css"), *site.rglob("*.svg")]:
        assert not re.search(r"(?:@import|url\()\s*['\"]?https?:", style.read_text(encoding="utf-8")), style.name


def test_the_navigation_has_every_page(site: Path) -> None:
    front = (site / "index.html").read_text(encoding="utf-8")
    for page in site.rglob("*.html"):
        name = page.relative_to(site).as_posix()
        assert name in ("index.html", "404.html") or f'href="{name}"' in front, name
