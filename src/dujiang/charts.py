"""Drawing a chart offline: the same picture for a page, a Word report and a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import vl_convert as vlc

from dujiang.messages import Refused, Text

_VEGA_LITE = "v6.1"


def svg(spec: dict[str, Any]) -> str:
    """Return a Vega-Lite chart as SVG."""
    return vlc.vegalite_to_svg(json.dumps(spec))


def save(chart: Any, path: Path) -> None:
    """Write an Altair chart to a .svg, .png or .html file; the HTML loads nothing from outside."""
    spec = json.dumps(chart.to_dict())
    match path.suffix.lower():
        case ".svg":
            path.write_text(vlc.vegalite_to_svg(spec), encoding="utf-8")
        case ".png":
            path.write_bytes(vlc.vegalite_to_png(spec, scale=2))
        case ".html":
            path.write_text(vlc.vegalite_to_html(spec, bundle=True), encoding="utf-8")
        case _:
            raise Refused(Text("图片应为 .svg、.png 或 .html", "the picture is a .svg, .png or .html file"))


def png(spec: dict[str, Any]) -> bytes:
    """Return a Vega-Lite chart as PNG, twice as fine as a screen."""
    return vlc.vegalite_to_png(json.dumps(spec), scale=2)
