"""Reading a plan of 200 pages, beside taking the bare text out of the same file by the library alone."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

OUTLINE = Path(__file__).parent.parent / "src/dujiang/plan/outlines/sichuan-2026.txt"
PAGES = 200
LINES, WIDTH = 22, 28


def rows() -> list[dict[str, Any]]:
    """Read a text file and a PDF of 200 pages of 22 lines of 28 characters."""
    import pypdfium2
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    from dujiang.plan.reader import read

    outline = OUTLINE.read_text(encoding="utf-8")
    text = outline * (PAGES * LINES * WIDTH // len(outline) + 1)
    with tempfile.TemporaryDirectory() as folder:
        plain, pdf = Path(folder) / "plan.txt", Path(folder) / "plan.pdf"
        plain.write_text(text, encoding="utf-8")
        pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
        canvas = Canvas(str(pdf))
        flat = text.replace("\n", "")
        for page in range(PAGES):
            canvas.setFont("STSong-Light", 14)
            for row in range(LINES):
                start = (page * LINES + row) * WIDTH
                canvas.drawString(80, 760 - 30 * row, flat[start : start + WIDTH])
            canvas.showPage()
        canvas.save()

        read(OUTLINE)  # loads the table of traditional characters once
        timed = {path: _seconds(lambda path=path: read(path)) for path in (plain, pdf)}
        bare_text = _seconds(lambda: plain.read_text(encoding="utf-8"))

        def extract() -> None:
            document = pypdfium2.PdfDocument(pdf)
            for page in document:
                page.get_textpage().get_text_bounded()

        bare_pdf = _seconds(extract)
    return [
        {
            "bench": f"{PAGES} pages, .txt",
            "ours": timed[plain],
            "peer": bare_text,
            "peer_name": "read_text alone",
            "unit": "s",
        },
        {
            "bench": f"{PAGES} pages, .pdf",
            "ours": timed[pdf],
            "peer": bare_pdf,
            "peer_name": "pypdfium2 alone",
            "unit": "s",
        },
    ]


def _seconds(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
