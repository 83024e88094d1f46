"""Whom the server answers: a browser that has the token, on a page that this server sent."""

import re
import secrets
from collections.abc import Iterable, Sequence

# A page elsewhere whose name is made to point to this computer (DNS rebinding) still sends that name. Any port passes,
# since a tunnel may begin at another one.
LOOPBACK = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::([0-9]{1,5}))?", re.ASCII | re.IGNORECASE)


class Access:
    """A token of 256 bits, made afresh, and the checks of a request."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)

    def is_token(self, given: str) -> bool:
        """Whether `given` is the token; takes the same time however much of it is right."""
        return secrets.compare_digest(given.encode(errors="replace"), self.token.encode())

    def refusal(self, hosts: Sequence[str], origins: Sequence[str], given: Iterable[str]) -> str | None:
        """Why a request is refused; None if it is not.

        Args:
            hosts: its `Host` headers.
            origins: its `Origin` headers. Browsers send one where it matters, and other programs none.
            given: what it shows for the token.
        """
        if len(hosts) != 1 or not LOOPBACK.fullmatch(hosts[0]):
            return "this server is known as 127.0.0.1 or localhost only"
        if any(origin.lower() != f"http://{hosts[0].lower()}" for origin in origins):
            return "the request comes from a page of another server"
        if not any(self.is_token(one) for one in given):
            return "open the address that 'scaling-tui serve' printed, token included"
        return None


def cookie_name(host: str) -> str:
    """The cookie's name at this `Host`. Browsers share cookies between ports, so that it holds the port."""
    found = LOOPBACK.fullmatch(host)
    return f"scaling-tui-{found[1] or 80}" if found else "scaling-tui"
