"""Files that are published at one address with a known hash: found on this machine where they are, else downloaded."""

import hashlib
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from scaling_tui import InputError


@dataclass(frozen=True)
class Published:
    """A file known by its sha256. `shipped_in` is a (module, path) of an installed package that brings it."""

    name: str
    address: str
    sha256: str
    shipped_in: tuple[str, str] | None = None

    def read(self, what: str) -> bytes:
        """Its content: from the cache, `$SCALING_TUI_DATA` or the package that ships it; else downloaded and kept.

        Args:
            what: what it is for, for the message.

        Raises:
            InputError: it is not on this machine and cannot be had, or its address holds something else.
        """
        found_here = self.here()
        if found_here is not None:
            return found_here
        kept = self._kept()
        content = self._download(what, kept)
        if (found := hashlib.sha256(content).hexdigest()) != self.sha256:
            raise InputError(f"{what} {self.name}: {self.address} has sha256 {found[:12]}…, not {self.sha256[:12]}…")
        kept.parent.mkdir(parents=True, exist_ok=True)
        temporary = kept.with_name(f".{kept.name}.{os.getpid()}")
        temporary.write_bytes(content)
        temporary.replace(kept)
        return content

    def here(self) -> bytes | None:
        """Its content where this machine has it; None where it would be downloaded."""
        for path in (self._kept(), *self._elsewhere()):
            if path.is_file():
                content = path.read_bytes()
                if hashlib.sha256(content).hexdigest() == self.sha256:
                    return content
        return None

    def _kept(self) -> Path:
        from platformdirs import user_cache_path

        return user_cache_path("scaling-tui", appauthor=False) / "corpora" / self.name

    def _elsewhere(self) -> list[Path]:
        found = []
        if shared := os.environ.get("SCALING_TUI_DATA"):
            found.append(Path(shared) / self.name)
        if self.shipped_in and (folder := module_folder(self.shipped_in[0])):
            found.append(folder / self.shipped_in[1])
        return found

    def _download(self, what: str, kept: Path) -> bytes:
        from urllib.error import URLError
        from urllib.request import urlopen

        try:
            with urlopen(self.address, timeout=20) as answer:
                content: bytes = answer.read()
        except (URLError, OSError) as error:
            offline = " or pip install 'scaling-tui[offline]'" if self.shipped_in else ""
            raise InputError(
                f"{what} {self.name}: not on this machine and {self.address} not reached"
                f" ({getattr(error, 'reason', error)}); put the file at {kept}{offline}"
            ) from error
        return content


def module_folder(module: str) -> Path | None:
    """Where an installed top-level package lies, without importing it."""
    spec = find_spec(module)
    return Path(spec.origin).parent if spec and spec.origin else None
