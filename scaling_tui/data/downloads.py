"""Published files with a known hash: taken from this machine if it has them, else downloaded."""

import hashlib
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from scaling_tui import InputError


@dataclass(frozen=True)
class Published:
    """A file known by its sha256. `shipped_in` is the (module, path) of a package that contains it."""

    name: str
    address: str
    sha256: str
    shipped_in: tuple[str, str] | None = None

    def read(self, what: str) -> bytes:
        """Its content: from the cache, `$SCALING_TUI_DATA` or the package that contains it, else downloaded and cached.

        Args:
            what: what the file is for; it begins the error message.

        Raises:
            InputError: it cannot be downloaded, or its address has other content.
        """
        local = self.here()
        if local is not None:
            return local
        cached = self._cached()
        content = self._download(what, cached)
        if (digest := hashlib.sha256(content).hexdigest()) != self.sha256:
            raise InputError(
                f"{what} {self.name}: found sha256 {digest[:12]}… at {self.address}, want {self.sha256[:12]}…"
            )
        cached.parent.mkdir(parents=True, exist_ok=True)
        temporary = cached.with_name(f".{cached.name}.{os.getpid()}")
        temporary.write_bytes(content)
        temporary.replace(cached)
        return content

    def here(self) -> bytes | None:
        """Its content if this machine has it; None if it would be downloaded."""
        for path in (self._cached(), *self._elsewhere()):
            if path.is_file():
                content = path.read_bytes()
                if hashlib.sha256(content).hexdigest() == self.sha256:
                    return content
        return None

    def _cached(self) -> Path:
        from platformdirs import user_cache_path

        return user_cache_path("scaling-tui", appauthor=False) / "corpora" / self.name

    def _elsewhere(self) -> list[Path]:
        paths = []
        if shared := os.environ.get("SCALING_TUI_DATA"):
            paths.append(Path(shared) / self.name)
        if self.shipped_in and (folder := module_folder(self.shipped_in[0])):
            paths.append(folder / self.shipped_in[1])
        return paths

    def _download(self, what: str, cached: Path) -> bytes:
        from urllib.error import URLError
        from urllib.request import urlopen

        try:
            with urlopen(self.address, timeout=20) as answer:
                content: bytes = answer.read()
        except (URLError, OSError) as error:
            offline = ", or run pip install 'scaling-tui[offline]'" if self.shipped_in else ""
            raise InputError(
                f"{what} {self.name}: not on this machine, and {self.address} cannot be reached"
                f" ({getattr(error, 'reason', error)}); put the file at {cached}{offline}"
            ) from error
        return content


def module_folder(module: str) -> Path | None:
    """The folder of an installed top-level package, without importing it; None where it is not installed."""
    spec = find_spec(module)
    return Path(spec.origin).parent if spec and spec.origin else None
