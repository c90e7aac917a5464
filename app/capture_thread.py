"""The thread that reads a source, and sees to it that a camera comes back.

A file is read once, or over and over. A camera is read until `stop`: when it fails, hangs or shows nothing
that is alive, that is told as a Trouble, and it is closed and opened again, after waits that double up to a
bound, until its picture is back. A set knows nothing of this: no frames come meanwhile, and time is data.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from app.camera_trouble import CameraError, Patience, PictureWatch, Trouble
from app.capture import Frame, NewestSlot, Source
from app.errors import FormcueError, SourceError, first_line
from app.memory import give_back

log = logging.getLogger(__name__)

_LOOK: Final = 0.2  # seconds between looks at whether the reading goes on; less for the impatient
_MOST_HUNG: Final = 2  # readings that a driver holds for ever, beyond which no other is begun


def _nothing(*_: object) -> None:
    """The callback of one who does not listen."""


class CaptureThread:
    """Opens a source and reads it in threads of its own; every slot gets the newest frame.

    Callbacks are called in those threads: opened(source), of a camera each time; failed(FormcueError, or a
    line of what nobody foresaw), when a file cannot be read, or the camera named does not exist; ended(), at
    the end of a file. troubled(Trouble): a camera gives no picture that is any good; none is handed out
    meanwhile, and it is opened again. back(seconds): pictures come again after so many seconds without, also
    after a gap without a trouble (the machine slept). The slots are closed when nothing more will come.

    real_time: a file is played at its own speed, else as fast as it decodes. loop: a file begins again at its
    end. Over all openings times and indices go on rising.
    """

    def __init__(
        self,
        factory: Callable[[], Source],
        *slots: NewestSlot[Frame],
        real_time: bool = True,
        loop: bool = False,
        patience: Patience | None = None,
        opened: Callable[[Source], None] = _nothing,
        failed: Callable[[FormcueError | str], None] = _nothing,
        ended: Callable[[], None] = _nothing,
        troubled: Callable[[Trouble], None] = _nothing,
        back: Callable[[float], None] = _nothing,
    ) -> None:
        self._factory, self._slots = factory, slots
        self._real_time, self._loop = real_time, loop
        self._patience = patience or Patience()
        self._opened, self._failed, self._ended = opened, failed, ended
        self._troubled, self._back = troubled, back
        self._stop = threading.Event()
        self._running = threading.Event()
        self._running.set()
        self._news = threading.Event()  # a reading is over
        self._again = threading.Event()  # the wait before another opening is cut short
        self._lock = threading.Lock()  # of what follows and of what is told of it, in that order
        self._trouble: Trouble | None = None
        self._count = 0  # frames handed out
        self._last = 0.0  # time of the last of them
        self._watch = PictureWatch(self._patience)
        self._readings: list[_Reading] = []  # those not over, the last one under way
        # Daemons, these too: a driver that hangs in read() must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def pause(self) -> None:
        """Holds a file where it is. A camera goes on (its pictures cannot wait)."""
        self._running.clear()

    def resume(self) -> None:
        self._running.set()

    def retry(self) -> None:
        """Opens a camera in trouble again at once, rather than after the wait."""
        self._again.set()

    def stop(self, timeout: float | None = None) -> bool:
        """Asks the threads to end; waits up to timeout seconds (None: not at all). True: all have ended."""
        self._stop.set()
        for reading in tuple(self._readings):
            reading.left.set()
        for event in (self._running, self._news, self._again):
            event.set()
        if timeout is not None and self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    # ---- the thread that watches over the reading

    def _run(self) -> None:
        try:
            self._read_on()
        except Exception as error:
            log.exception("the source broke")
            self._fail(error)
        finally:
            for slot in self._slots:
                slot.close()
        for reading in self._readings:
            reading.over.wait()
        self._readings = []  # they hold this object: without this both would wait for the collector
        give_back()

    def _read_on(self) -> None:
        """One reading after another, until there is nothing more to come."""
        waits = self._patience.waits()
        was_live = False
        offset = 0.0
        while not self._stop.is_set():
            before = self._count
            reading = _Reading(self, offset)
            self._readings = [*self._hung(), reading]
            reading.start()
            left = self._attend(reading)
            was_live = was_live or reading.live
            if self._stop.is_set():
                break
            if reading.error is None and not left:
                if not self._loop or reading.live or self._count == before:
                    self._ended()
                    break
                offset = reading.end
                continue
            if reading.error is not None:
                trouble = _trouble_of(reading.error, was_live=was_live)
                if trouble is None:
                    self._fail(reading.error)
                    break
                self._say(trouble, first_line(reading.error))
            if reading.good_for > self._patience.settled:
                waits = self._patience.waits()
            self._again.clear()
            if not self._stop.is_set():
                self._again.wait(next(waits))
            while len(self._hung()) >= _MOST_HUNG and not self._stop.wait(_LOOK):
                pass

    def _attend(self, reading: _Reading) -> bool:
        """Stays until the reading is over. True: it was not, and is left: asked to close the camera."""
        bear = self._patience
        while not reading.over.is_set() and not self._stop.is_set():
            still = time.monotonic() - reading.alive
            if reading.source is None:
                if still > bear.slow:
                    self._guess("slow")
                if still > bear.opening:
                    break
            elif reading.live:
                if still > bear.silent:
                    self._guess("silent")
                if still > bear.silent + bear.give_up or reading.poor_for > bear.give_up:
                    break
            self._news.wait(min(_LOOK, bear.silent / 4))
            self._news.clear()
        if reading.over.is_set():
            return False
        reading.left.set()
        if not self._stop.is_set():
            reading.over.wait(bear.silent)  # then the camera is free again, unless its driver hangs
        return True

    def _hung(self) -> list[_Reading]:
        """Readings that were left, and that a driver still holds."""
        return [reading for reading in self._readings if not reading.over.is_set()]

    def _guess(self, trouble: Trouble) -> None:
        """Tells what can be seen from outside, unless more is known already."""
        if self._trouble is None:
            self._say(trouble)

    def _say(self, trouble: Trouble, why: str = "") -> None:
        """Tells a trouble, once. why: for the log."""
        with self._lock:
            if trouble != self._trouble and not self._stop.is_set():
                self._trouble = trouble
                log.warning("camera in trouble: %s%s", trouble, f" ({why})" if why else "")
                self._troubled(trouble)

    def _fail(self, error: Exception) -> None:
        if not self._stop.is_set():
            self._failed(error if isinstance(error, FormcueError) else str(error) or type(error).__name__)

    # ---- what the readings tell, in their threads

    def is_current(self, reading: _Reading) -> bool:
        """Whether what it says still counts."""
        return not self._stop.is_set() and not reading.left.is_set()

    def take(self, reading: _Reading, frame: Frame) -> None:
        """A frame: hands it out, unless it is a camera's and shows nothing that is alive."""
        if not self.is_current(reading):
            return
        now = time.monotonic()
        if reading.live:
            trouble = self._watch.step(frame.image, now)
            reading.judge(now, poor=trouble is not None)
            if trouble is not None:
                self._say(trouble)
                return
        with self._lock:
            gap = frame.time - self._last if self._count else 0.0
            frame = replace(frame, index=self._count, arrived=now)
            for slot in self._slots:
                slot.put(frame)
            self._last, self._count = frame.time, self._count + 1
            troubled, self._trouble = self._trouble, None
            if troubled is not None or (reading.live and gap > self._patience.skip):
                log.info("pictures again after %.1f s", gap)
                self._back(gap)

    def told_opened(self, reading: _Reading) -> None:
        """Of a file, the first round is told of only."""
        if reading.source is not None and self.is_current(reading) and (reading.live or not self._count):
            self._opened(reading.source)

    def wait_until_due(self, reading: _Reading, frame_time: float) -> None:
        """Real speed: frame_time is due at shift + frame_time. Pauses and hold-ups move the shift."""
        if not self._count:  # the first picture is shown at once, even of a source on hold
            return
        if not self._running.is_set():
            self._running.wait()
            reading.shift = 0.0
        if not self._real_time:
            return
        now = time.monotonic()
        late = now - (reading.shift + frame_time)
        if reading.shift == 0.0 or late > 0.5:
            reading.shift = now - frame_time
        elif late < 0.0:
            self._stop.wait(-late)

    def open(self) -> Source:
        return self._factory()

    def told_over(self) -> None:
        self._news.set()


class _Reading(threading.Thread):
    """One opening of the source, read until it ends, breaks or is left. A daemon: it may hang for ever.

    offset: seconds added to a file's times. What it finds it tells to its CaptureThread.
    """

    def __init__(self, owner: CaptureThread, offset: float) -> None:
        super().__init__(name="reading", daemon=True)
        self._owner, self._offset = owner, offset
        self.left = threading.Event()  # nobody listens any more
        self.over = threading.Event()
        self.source: Source | None = None
        self.error: Exception | None = None
        self.alive = time.monotonic()  # when it began, was opened, or the last read() came back
        self.shift = 0.0  # monotonic time at which the file's time 0 is due
        self.end = offset  # where the next round of a file begins
        self.good_for = 0.0  # seconds of good pictures
        self._opened = 0.0
        self._poor_since: float | None = None

    @property
    def live(self) -> bool:
        return self.source is not None and self.source.live

    @property
    def poor_for(self) -> float:
        """Seconds for which the pictures have been frozen or black, beyond what is borne in silence."""
        since = self._poor_since
        return 0.0 if since is None else time.monotonic() - since

    def judge(self, now: float, *, poor: bool) -> None:
        """Of the newest picture; now: monotonic seconds."""
        if poor:
            self._poor_since = now if self._poor_since is None else self._poor_since
        else:
            self._poor_since = None
            self.good_for = now - self._opened

    def run(self) -> None:
        try:
            with self._owner.open() as source:
                self.source, self.alive = source, time.monotonic()
                self._opened = self.alive
                self._owner.told_opened(self)
                self._read(source)
        except Exception as error:
            if not isinstance(error, SourceError):
                log.exception("the source broke")
            self.error = error
        finally:
            self.over.set()
            self._owner.told_over()

    def _read(self, source: Source) -> None:
        while not self.left.is_set():
            frame = source.read()
            self.alive = time.monotonic()
            if frame is None:
                return
            if not source.live:
                frame = replace(frame, time=frame.time + self._offset)
                self._owner.wait_until_due(self, frame.time)
            self.end = frame.time + 1.0 / source.fps
            self._owner.take(self, frame)


def _trouble_of(error: Exception | None, *, was_live: bool) -> Trouble | None:
    """What passes by itself; None: nothing did, or it will not."""
    if isinstance(error, CameraError):
        return error.trouble
    if error is None or not was_live:
        return None
    return "absent" if isinstance(error, SourceError) else "silent"
