"""A report as a PDF: A4, in the theme's light colours, whatever the window wears."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Final

from PySide6.QtCore import QMarginsF, QPoint, QRectF, QSize, QSizeF, QUrl
from PySide6.QtGui import QColor, QImage, QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument
from PySide6.QtWidgets import QWidget

from app.files import OutputError, replacing
from app.summary import FaultSummary
from app.ui import theme
from app.ui.charts import WeekChart
from app.ui.report import Block, Chart, Heading, Paragraph, Report, Stills, Table
from app.ui.still import paint_still

DPI: Final = 96  # the document is laid out at this; letters stay letters, pictures are made finer
FINER: Final = 3
MARGIN: Final = 16.0  # millimetres
STILL: Final = 150  # pixels
PER_ROW: Final = 4
CHART: Final = 190  # height, pixels
_STYLE: Final = """
h1 { font-size: 22px; } h2 { font-size: 16px; margin-top: 18px; }
p, td, th { font-size: 12px; } th { text-align: left; color: #4A5A67; }
td.still { font-size: 11px; color: #4A5A67; }
"""


def save_pdf(path: Path, report: Report) -> None:
    """Writes it, whole or not at all. Raises app.files.OutputError."""
    with replacing(path) as temporary, _on_paper():
        writer = QPdfWriter(str(temporary))
        writer.setTitle(report.title)
        writer.setCreator("Formcue")
        writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
        writer.setPageMargins(QMarginsF(MARGIN, MARGIN, MARGIN, MARGIN), QPageLayout.Unit.Millimeter)
        writer.setResolution(DPI)
        document = _document(report, writer.width())
        document.setPageSize(QSizeF(writer.width(), writer.height()))
        document.print_(writer)
        del writer  # it writes its end only now
        if not temporary.read_bytes()[-16:].rstrip().endswith(b"%%EOF"):  # Qt says nothing of a full disk
            raise OutputError("{path}: cannot be written whole; is the disk full?", path=path)


@contextmanager
def _on_paper() -> Iterator[None]:
    """Dark on white while it is made."""
    before, size = theme.current(), theme.text_size()
    theme.use("light")
    try:
        yield
    finally:
        theme.use(before, text_size=size)


def _document(report: Report, width: int) -> QTextDocument:
    document = QTextDocument()
    document.setDefaultFont(theme.font(12))
    document.setDefaultStyleSheet(_STYLE)
    document.setDocumentMargin(0)
    pictures: list[tuple[QImage, QSize]] = []
    body = "".join(_html(block, pictures, width) for block in report.blocks)
    for number, (image, _) in enumerate(pictures):
        document.addResource(QTextDocument.ResourceType.ImageResource.value, QUrl(f"p{number}"), image)
    document.setHtml(f"<body>{body}</body>")
    return document


def _html(block: Block, pictures: list[tuple[QImage, QSize]], width: int) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
    if isinstance(block, Paragraph):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Table):
        cells = "".join(f"<th>{escape(cell)}</th>" for cell in block.head)
        head = f"<thead><tr>{cells}</tr></thead>"  # again on every page
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in block.rows
        )
        return f'<table width="100%" cellpadding="4" cellspacing="0">{head}{rows}</table>'
    if isinstance(block, Chart):
        return f"<p>{_picture(_chart(block, width), QSize(width, CHART), pictures)}</p>"
    return _stills(block, pictures)


def _stills(block: Stills, pictures: list[tuple[QImage, QSize]]) -> str:
    out = []
    for start in range(0, len(block.faults), PER_ROW):
        cells = "".join(
            f'<td class="still" width="{STILL + 8}">{_picture(_still(fault), QSize(STILL, STILL), pictures)}'
            f"<br/>{escape(text)}</td>"
            for fault, text in block.faults[start : start + PER_ROW]
        )
        out.append(f'<table cellpadding="4"><tr>{cells}</tr></table>')
    return "".join(out)


def _picture(image: QImage, size: QSize, pictures: list[tuple[QImage, QSize]]) -> str:
    pictures.append((image, size))
    return f'<img src="p{len(pictures) - 1}" width="{size.width()}" height="{size.height()}"/>'


def _blank(size: QSize) -> QImage:
    image = QImage(size * FINER, QImage.Format.Format_RGB32)
    image.fill(QColor("#FFFFFF"))
    return image


def _still(fault: FaultSummary) -> QImage:
    size = QSize(STILL, STILL)
    image = _blank(size)
    with QPainter(image) as painter:
        painter.scale(FINER, FINER)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(0, 0, STILL, STILL)
        painter.setBrush(theme.colour("picture_shade"))
        painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), 8, 8)
        paint_still(painter, rect, fault, 1.0)
    return image


def _chart(block: Chart, width: int) -> QImage:
    chart = WeekChart("bars" if block.is_sum else "line")
    chart.resize(width, CHART)
    chart.show_weeks(block.weeks, title=block.title, say=block.say, empty="", most=block.most)
    image = _blank(QSize(width, CHART))
    image.setDevicePixelRatio(FINER)
    # Without the ground of a window: the paper is white.
    chart.render(image, QPoint(), renderFlags=QWidget.RenderFlag.DrawChildren)
    return image
