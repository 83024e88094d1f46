"""What the build adds: the man page, and a README whose links and pictures lead somewhere on a package index."""

import importlib.util
import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

PROJECT = "scaling-tui/scaling-tui"
PICTURES = (".svg", ".png")


def absolute(readme: str, version: str) -> str:
    """The README with every link into the tree made absolute, to the tag of its version."""

    def link(found: re.Match[str]) -> str:
        target = found[1]
        if target.startswith(("#", "https://", "http://", "mailto:")):
            return found[0]
        if target.endswith(PICTURES):
            return f"](https://raw.githubusercontent.com/{PROJECT}/v{version}/{target})"
        return f"](https://github.com/{PROJECT}/blob/v{version}/{target})"

    return re.sub(r"\]\(([^)\s]+)\)", link, readme)


class Readme(MetadataHookInterface):
    """The description that a package index shows."""

    def update(self, metadata: dict[str, Any]) -> None:
        root = Path(self.root)
        found = re.search(r'^__version__ = "(.+)"$', (root / "scaling_tui" / "__init__.py").read_text(), re.MULTILINE)
        assert found is not None
        text = absolute((root / "README.md").read_text(encoding="utf-8"), found[1])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


class ManPage(BuildHookInterface[Any]):
    """`share/man/man1/scaling-tui.1`, made from the commands; not in an editable install, where they change."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or self.target_name != "wheel":
            return
        root = Path(self.root)
        spec = importlib.util.spec_from_file_location("man_page", root / "docs" / "man_page.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        page = root / "build" / "scaling-tui.1"
        page.parent.mkdir(exist_ok=True)
        page.write_text(module.man_page(), encoding="utf-8")
        build_data["shared_data"][str(page)] = "share/man/man1/scaling-tui.1"
