"""SVG documents as parts of a page: nothing in them acts or reaches out, and their ids are their own."""

import re
from xml.etree import ElementTree

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
_LEFT_OUT = {"script", "style", "foreignObject", "metadata", "image", "a", "set", "animate", "title", "desc", "iframe"}
"""Elements that act, reach out or speak for the whole page. What a picture says to those who do not see it stands in
its `aria-label`."""
_PAINTED = {"fill", "stroke", "style"}
_REFERENCE = re.compile(r"url\(\s*#([\w.-]+)\s*\)")
_COLOUR = re.compile(r"#([0-9a-f]{6})\b")
_FONT_SIZE = re.compile(r"(?:font(?:-size)?:\s*|^)([\d.]+)")
LEAST_LETTERS = 9.0
"""Pixels: a picture is never shown so small that its letters are smaller; where there is no room it can be scrolled."""
_FETCHES = re.compile(r"url\((?!\s*#)|@import|expression", re.IGNORECASE)


def inline_svg(document: str, *, prefix: str, label: str, scale: float = 1.0) -> str:
    """Return an SVG document as an element for the inside of a page, whose style may give `#0072b2` another colour by
    setting `--c-0072b2`.

    Args:
        prefix: goes before all of its ids, so that those of several pictures differ.
        label: what it shows, for those who do not see it.
        scale: how much larger it is than it says.

    Raises: ValueError for what is no SVG.
    """
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise ValueError(f"no SVG: {error}") from error
    if root.tag != f"{{{SVG}}}svg":
        raise ValueError(f"no SVG: it is a {root.tag}")
    _clean(root, prefix)
    smallest = min(_letters(root), default=LEAST_LETTERS)
    width, height = (_pixels(root.attrib.pop(name, "")) for name in ("width", "height"))
    if "viewBox" not in root.attrib and width and height:
        root.set("viewBox", f"0 0 {width:g} {height:g}")
    if width:
        root.set("width", f"{scale * width:.0f}")  # the page's style lets it shrink
    _, _, across, _ = (float(number) for number in root.get("viewBox", f"0 0 {width:g} {height:g}").split())
    root.set("style", f"min-width:{min(scale * width, across * LEAST_LETTERS / smallest):.0f}px")
    root.set("role", "img")
    root.set("aria-label", label)
    return _without_prefixes(ElementTree.tostring(root, encoding="unicode"))


def _clean(element: ElementTree.Element, prefix: str) -> None:
    for child in list(element):
        if not isinstance(child.tag, str) or _local(child.tag) in _LEFT_OUT:
            element.remove(child)
            continue
        _clean(child, prefix)
    for name, value in list(element.attrib.items()):
        local = _local(name)
        if local.lower().startswith("on") or _FETCHES.search(value):
            del element.attrib[name]
        elif local == "href":
            del element.attrib[name]
            if value.startswith("#"):
                element.set("href", f"#{prefix}{value[1:]}")
        elif local == "id":
            element.set(name, prefix + value)
        else:
            value = _REFERENCE.sub(rf"url(#{prefix}\1)", value)
            element.set(name, _COLOUR.sub(r"var(--c-\1,#\1)", value) if local in _PAINTED else value)


def _letters(root: ElementTree.Element) -> list[float]:
    """Return the sizes of all letters, in the units of the `viewBox`."""
    sizes = (element.get("font-size") or element.get("style", "") for element in root.iter(f"{{{SVG}}}text"))
    return [float(found[1]) for size in sizes if (found := _FONT_SIZE.search(size))]


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _pixels(length: str) -> float:
    """Return a length in pixels; 0 for one in other units than pixels and points."""
    found = re.fullmatch(r"([\d.]+)(px|pt|)", length.strip())
    return float(found[1]) * (4 / 3 if found[2] == "pt" else 1) if found else 0.0


def _without_prefixes(text: str) -> str:
    """Return the element as HTML has it, where all names in an `<svg>` are SVG's own."""
    return re.sub(r"(</?)ns\d+:", r"\1", re.sub(r'\sxmlns:ns\d+="[^"]*"', "", text))
