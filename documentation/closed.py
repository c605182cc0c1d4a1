"""Check that no page of a built site loads anything from another host.

Run it over a built site: ``python -m documentation.closed site``. Links that a reader may follow
are allowed; scripts, styles, images and fonts from other hosts are not.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

FETCHED = {  # what a browser loads by itself
    "script": "src", "img": "src", "iframe": "src", "source": "src", "audio": "src",
    "video": "src", "embed": "src", "object": "data",
}  # fmt: skip
IMPORTS = ("url(http", "url(//", "@import")  # of a style
LINKED = {"canonical", "prev", "next", "alternate", "author", "license"}  # of <link>: not loaded


class _Requests(HTMLParser):
    """A parser that collects the addresses on other hosts that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.elsewhere: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get(FETCHED[tag]) if tag in FETCHED else None
        if tag == "link" and not LINKED & set((given.get("rel") or "").split()):
            address = given.get("href")
        if address and urlsplit(address).netloc:
            self.elsewhere.append(address)


def requests_elsewhere(page: str) -> list[str]:
    """Return the addresses on other hosts that a browser would load to show ``page`` (HTML)."""
    parser = _Requests()
    parser.feed(page)
    return parser.elsewhere


def main(site: Path) -> int:
    """Print what is found; return 1 if there is any, or if there is no page."""
    pages = sorted(site.rglob("*.html"))
    found = [
        f"{page}: {address}"
        for page in pages
        for address in requests_elsewhere(page.read_text(encoding="utf-8"))
    ]
    found += [
        f"{style}: @import or url() of another host"
        for style in sorted(site.rglob("*.css"))
        if any(
            sign in style.read_text(encoding="utf-8") for sign in ("url(http", "url(//", "@import")
        )
    ]
    print("\n".join(found) or f"{site}: {len(pages)} pages, none loads anything from another host")
    return 1 if found or not pages else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "site")))
