"""What a run leaves behind for people: metrics as JSON lines, the curve, sample predictions as pictures."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app.files import OutputError, replacing

log = logging.getLogger(__name__)


class Diary:
    """`metrics.jsonl`, `curve.png` and `samples/` in the run's folder.

    A row of metrics has the pictures seen so far, seconds spent, pictures a second and the smoothed losses;
    at a validation also its figures.
    """

    def __init__(self, folder: Path, *, done: int):
        """Rows of a run that was cut off after its last checkpoint, beyond `done`, are dropped: they will
        be made again."""
        self.folder, self.file = folder, folder / "metrics.jsonl"
        self.rows: list[dict[str, Any]] = []
        self._behind = False
        if self.file.exists():
            for line in self.file.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                except ValueError:  # the last line of a killed run may be half a line
                    continue
                if row.get("pictures", 0) <= done:
                    self.rows.append(row)
        # Seconds spent by earlier parts of the run.
        self.earlier = float(self.rows[-1].get("seconds", 0.0)) if self.rows else 0.0
        self._write_all()

    def _write_all(self) -> None:
        with replacing(self.file) as part:
            part.write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")

    def write(self, row: dict[str, Any]) -> None:
        """A row more. One that a full disk refuses comes with the next that it takes: the run goes on."""
        self.rows.append(row)
        try:
            if self._behind:
                self._write_all()
            else:
                with self.file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
            self._behind = False
        except (OSError, OutputError) as error:
            log.warning("%s: a row cannot be written now (%s)", self.file, error)
            self._behind = True

    def draw_samples(self, images: list[NDArray[np.uint8]], done: int) -> None:
        """`samples/PICTURES.jpg`: the images in rows of four."""
        if not images:
            return
        blank = np.zeros_like(images[0])
        images = images + [blank] * (-len(images) % 4)
        rows = [np.concatenate(images[i : i + 4], 1) for i in range(0, len(images), 4)]
        path = self.folder / "samples" / f"{done:09d}.jpg"
        try:
            path.parent.mkdir(exist_ok=True)
            with replacing(path) as part:
                part.write_bytes(cv2.imencode(".jpg", np.concatenate(rows))[1].tobytes())
        except (OSError, OutputError) as error:
            log.warning("%s: is left out (%s)", path, error)

    def draw_curve(self) -> None:
        """`curve.png`: a plot for each number over the pictures seen. Left out, with a word, without
        matplotlib."""
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ImportError:
            log.warning('no curve is drawn: matplotlib is missing; pip install -e ".[train]"')
            return
        plots: dict[str, list[str]] = {}  # the losses of 2D and of 3D batches share a plot
        for name in dict.fromkeys(name for row in self.rows for name in row):
            if name not in ("pictures", "seconds", "rate"):
                plots.setdefault(name.removesuffix("_2d").removesuffix("_3d"), []).append(name)
        figure = Figure(figsize=(8, 1.6 * len(plots) + 0.4))
        FigureCanvasAgg(figure)
        for axes, (title, names) in zip(
            figure.subplots(len(plots), sharex=True, squeeze=False)[:, 0], plots.items(), strict=True
        ):
            for name in names:
                points = [(row["pictures"], row[name]) for row in self.rows if name in row]
                axes.plot(*zip(*points, strict=True), marker="." if len(points) < 40 else None, label=name)
            axes.set_ylabel(title)
            axes.grid(alpha=0.3)
            if len(names) > 1:
                axes.legend(fontsize="small")
        axes.set_xlabel("pictures")
        figure.subplots_adjust(left=0.11, right=0.98, top=0.98, bottom=0.5 / figure.get_figheight())
        try:
            with replacing(self.folder / "curve.png") as part:
                figure.savefig(part, dpi=80)
        except OutputError as error:
            log.warning("%s", error)
