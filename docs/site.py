"""What mkdocs is told by this project: the navigation, and the pages that lie beside the docs folder.

docs/README.md lists every page under four headings, and these lists are the navigation: one home for both. Pages such
as benchmarks/README.md stay where their subject is, and where GitHub finds them; here they get a place in the site, and
links to and from them are turned to it.
"""

import re
from functools import cache
from pathlib import Path
from posixpath import dirname, normpath, relpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
INDEX = "README.md"
WHOLE = ("reference", "releases")  # folders of docs/ whose pages are all in the navigation
LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
WORDED = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]+)\)")


def listed() -> list[tuple[str, list[tuple[str, str]]]]:
    """The headings of the index with the pages under each: title and target, in order."""
    index = (ROOT / "docs" / INDEX).read_text(encoding="utf-8")
    sections = re.split(r"^## ", index, flags=re.MULTILINE)[1:]
    return [
        (section.splitlines()[0], re.findall(r"^(?:\||-) \[([^\]]+)\]\(([^)#\s]+)\)", section, re.MULTILINE))
        for section in sections
    ]


@cache
def outside() -> dict[str, str]:
    """Pages beside docs/ that the index lists, from the root of the project, and their names in the site."""
    paths = [normpath(f"docs/{target}") for _, pages in listed() for _, target in pages if target.startswith("../")]
    return {path: path.removesuffix("/README.md").removesuffix(".md").lower() + ".md" for path in paths}


def in_site(target: str) -> str | None:
    """The page of the site for a path from the root of the project; None if the site does not have it."""
    if target.startswith("docs/"):
        return target.removeprefix("docs/")
    return outside().get(target, INDEX if target == INDEX else None)


def turned(text: str, page: str, lies_in: str) -> str:
    """The text of a page with its links as the site needs them.

    `page` is its name in the site, `lies_in` its folder from the root of the project. What is in the project but not
    in the site, such as a ladder, loses its link and keeps its words.
    """

    def link(match: re.Match[str]) -> str:
        opening, target, fragment, closing = match.groups()
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        path = normpath(f"{lies_in}/{target}")
        found = in_site(path)
        if found is None:
            return match[0]
        if path == INDEX:  # the front page stands for the README, without its headings
            fragment = None
        return f"{opening}{relpath(found, dirname(page) or '.')}{fragment or ''}{closing}"

    def words(match: re.Match[str]) -> str:
        return match[1] if "://" not in match[2] and is_outside(match[2], lies_in) else match[0]

    # Links to files that are no pages first: afterwards paths are those of the site.
    return LINK.sub(link, WORDED.sub(words, text))


def is_outside(target: str, lies_in: str) -> bool:
    """Whether a link leads to a file of the project that is no page of the site."""
    path = normpath(f"{lies_in}/{target}")
    return in_site(path) is None and (ROOT / path).exists()


def generated(places: list[tuple[str, str | None]]) -> list[str]:
    """Pages that scripts make from the code, and release notes: the index does not list them one by one."""
    found = [path for folder in WHOLE for path in ROOT.glob(f"docs/{folder}/**/*.md")]
    pages = sorted(path.relative_to(ROOT / "docs").as_posix() for path in found)
    known = {place for _, place in places}
    return [page for page in pages if page not in known]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    outside.cache_clear()
    nav: list[dict[str, Any]] = [{"Home": INDEX}]
    for heading, pages in listed():
        places = [(title, in_site(normpath(f"docs/{target}"))) for title, target in pages]
        if entries := [{title: place} for title, place in places if place]:
            nav.append({heading: [*entries, *(generated(places) if heading == "Reference" else [])]})
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for name, place in outside().items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    place = page.file.src_uri
    lies_in = {site: dirname(name) or "." for name, site in outside().items()}
    return turned(markdown, place, lies_in.get(place, dirname(f"docs/{place}")))
