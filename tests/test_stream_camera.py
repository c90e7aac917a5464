"""A camera by OpenCV's own capture, with its real waiting and failing: a stream of pictures on this machine.

A virtual camera needs a kernel module that few test machines may load; a stream that is cut off, or stalls,
makes OpenCV's read() fail and block as a driver does.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

import app.capture as capture
from app.camera_trouble import Patience
from app.capture import CameraInfo, CameraOpener, Frame, NewestSlot
from app.capture_thread import CaptureThread
from tests.test_capture import wait_for

PICTURES = [
    cv2.imencode(".jpg", np.random.default_rng(seed).integers(60, 200, (48, 64, 3), np.uint8))[1].tobytes()
    for seed in range(8)
]


class StreamCamera:
    """Sends pictures to whoever connects. plugged: whether one can connect. stalled: it sends no more."""

    def __init__(self) -> None:
        self.plugged, self.stalled, self.ended = True, False, False
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.05)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/camera.mjpeg"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while not self.ended:
            try:
                connection, _ = self._server.accept()
            except TimeoutError:
                continue
            if self.plugged:
                self._threads.append(threading.Thread(target=self._send, args=(connection,), daemon=True))
                self._threads[-1].start()
            else:
                connection.close()
        self._server.close()

    def _send(self, connection: socket.socket) -> None:
        number = 0
        with connection:
            try:
                connection.sendall(
                    b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n"
                )
                while self.plugged and not self.ended:
                    time.sleep(0.01)
                    if self.stalled:
                        continue
                    picture = PICTURES[number % len(PICTURES)]
                    head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                    connection.sendall(head.encode() + picture + b"\r\n")
                    number += 1
            except OSError:  # whoever looked has gone
                pass

    def close(self) -> None:
        self.ended = True
        for thread in tuple(self._threads):
            thread.join(5.0)


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamCamera]:
    made = StreamCamera()
    real = cv2.VideoCapture
    monkeypatch.setattr(capture.cv2, "VideoCapture", lambda *_: real(made.url, cv2.CAP_FFMPEG))
    monkeypatch.setattr(
        capture, "list_cameras", lambda: [CameraInfo(index=0, name="Stream")] if made.plugged else []
    )
    monkeypatch.setattr(capture, "CAMERA_PATIENCE", 0.1)
    yield made
    made.close()


def test_a_stream_that_is_cut_off_or_stalls_is_read_again(stream: StreamCamera) -> None:
    told: list[str] = []
    slot: NewestSlot[Frame] = NewestSlot()
    patience = Patience(silent=0.5, give_up=0.5, slow=5.0, first=0.05, longest=0.2, frozen=5.0)
    thread = CaptureThread(
        CameraOpener("0"), slot, patience=patience, troubled=told.append, back=lambda _: told.append("back")
    )
    thread.start()
    frame = slot.take(20.0)
    assert frame is not None
    assert frame.image.shape == (48, 64, 3)
    stream.plugged = False
    wait_for(lambda: "absent" in told, 20.0)
    stream.plugged = True
    wait_for(lambda: told[-1] == "back", 20.0)
    stream.stalled = True  # now read() blocks
    wait_for(lambda: told[-1] == "silent", 20.0)
    stream.stalled = False
    wait_for(lambda: told[-1] == "back", 20.0)
    assert slot.take(5.0) is not None
    stream.close()  # lets every read() go
    assert thread.stop(20.0)
