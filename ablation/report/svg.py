"""A figure's SVG, as matplotlib writes it, made part of a page.

Its ids are made its own, and what is black, white or grey follows the page's colours, as do the
palette's colours that are hard to see on a dark page. What is written where a colour stood, as in
``var(--plot-dddddd, #dddddd)``, still names the colour for a page that knows nothing of it.

Text on a coloured cell must not follow: draw it in "#010101" or "#fefefe", which stay as they are.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable

_NEVER = {"metadata", "style", "script", "foreignObject", "title", "desc"}
_PAPER, _INK = (21, 23, 27), (230, 232, 235)  # of the page when it is dark, as in report.css
_LIGHTER = {"#0173b2": "#4fa3e0", "#029e73": "#2fbf95", "#d55e00": "#ef7d2b"}
_COLOUR = re.compile("#[0-9a-f]{6}")
_FOLLOWING = re.compile(r"var\((--plot-[0-9a-f]{6}), ")
_REFERENCE = re.compile(r"url\(#([^)]*)\)")
_FONTS = re.compile(r"'DejaVu Sans'(?:, ?(?:'[^']*'|[\w-]+))*")  # matplotlib's own, and no other
_SPACE = re.compile(r"\s+")


def inline_svg(svg: str, name: str, description: str) -> str:
    """Return an SVG that can stand in a page among others.

    Parameters
    ----------
    name
        What its ids begin with; ids that nothing refers to are left out.
    description
        Read to those who do not see it.

    Raises
    ------
    xml.etree.ElementTree.ParseError
        When ``svg`` is not well-formed.
    """
    root = ET.fromstring(svg)
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {_local(key): value for key, value in element.attrib.items()}
    used = _used(root)
    prefix = re.sub(r"[^\w-]+", "-", name)
    for element in root.iter():
        _tidy(element)
        element.attrib = {
            key: value
            for key, old in element.attrib.items()
            if (value := _attribute(key, old, used, prefix)) is not None
        }
    view = root.attrib["viewBox"]
    root.attrib = {
        "viewBox": view,
        "preserveAspectRatio": "xMinYMin",  # at the left, as the text, where its height is limited
        "role": "img",
        "aria-label": description,
        "fill": "currentColor",
        "stroke-linejoin": "round",  # from matplotlib's style sheet, which would rule the page
        "style": f"--points: {view.split()[2]}",  # its width, from which the page makes its own
    }
    return ET.tostring(root, encoding="unicode")


def dark_colours(svgs: Iterable[str]) -> dict[str, str]:
    """Return, by custom property of inlined SVGs, its colour on a dark page."""
    names = {name for svg in svgs for name in _FOLLOWING.findall(svg)}
    return {name: _darkened(f"#{name.removeprefix('--plot-')}") for name in sorted(names)}


def _local(name: str) -> str:
    """Return a name without its namespace, since a page has none."""
    return name.rpartition("}")[2]


def _used(root: ET.Element) -> set[str]:
    """Return the ids that something refers to."""
    used: set[str] = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            if key == "href":
                used.add(value.removeprefix("#"))
            else:
                used.update(_REFERENCE.findall(value))
    return used


def _tidy(element: ET.Element) -> None:
    """Remove what a page must not hold, and the white space between elements."""
    for child in list(element):
        if child.tag in _NEVER:
            element.remove(child)
        elif element.tag != "text":
            child.tail = None
    if element.tag not in ("text", "tspan"):
        element.text = None


def _attribute(key: str, value: str, used: set[str], prefix: str) -> str | None:
    """Return an attribute's new value, or None for one that is left out."""
    if key == "id":
        return f"{prefix}-{value}" if value in used else None
    if key == "href":
        if value.startswith("#"):
            return f"#{prefix}-{value[1:]}"
        return value if value.startswith("data:image/") else None
    if key.startswith("on"):
        return None
    if key == "d":
        return _SPACE.sub(" ", value).strip()
    value = _REFERENCE.sub(rf"url(#{prefix}-\1)", value)
    if key in ("style", "fill", "stroke"):
        value = _FONTS.sub("system-ui, 'DejaVu Sans', sans-serif", value)
        value = _COLOUR.sub(lambda match: _follow(match[0]), value)
    return value


def _follow(colour: str) -> str:
    """Return a colour that follows the page's, or ``colour`` itself where it must not."""
    if colour == "#000000":
        return "currentColor"
    if colour == "#ffffff":
        return "var(--paper, #ffffff)"
    if colour in _LIGHTER or _is_grey(colour):
        return f"var(--plot-{colour[1:]}, {colour})"
    return colour


def _is_grey(colour: str) -> bool:
    """Return whether a grey was chosen by hand, as "#dddddd"; others are of a colour map."""
    return len(set(colour[1:])) == 1


def _darkened(colour: str) -> str:
    """Return the colour on a dark page; a grey keeps its place between ink and paper."""
    if colour in _LIGHTER:
        return _LIGHTER[colour]
    share = int(colour[1:3], 16) / 255
    parts = (ink + share * (paper - ink) for paper, ink in zip(_PAPER, _INK, strict=True))
    return "#" + "".join(f"{round(part):02x}" for part in parts)
