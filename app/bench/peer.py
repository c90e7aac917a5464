"""MediaPipe beside us: a process in another interpreter that does a block of frames when it is asked to."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from app.capture import DEMO, DEMO_CLIP
from app.errors import EXIT_USAGE, FormcueError


class PeerError(FormcueError):
    """The peer does not answer: its interpreter is missing, has no MediaPipe, or broke off."""

    exit_code = EXIT_USAGE


class MediaPipe:
    """Follows videos with MediaPipe's own tracking. python: an interpreter that has it. Raises PeerError."""

    def __init__(self, python: str) -> None:
        self._python = python
        script = Path(__file__).with_name("peer_process.py")
        try:
            self._process = subprocess.Popen(
                [python, str(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        except OSError as problem:
            raise PeerError(f"--peer-python {python}: cannot be started ({problem.strerror})") from None
        self.name: str = self._answer("name")["name"]

    def open(self, video: str) -> None:
        """Follows this video from its first frame on."""
        path = DEMO_CLIP if video == DEMO else Path(video).expanduser().resolve()
        if not self._ask(f"open {path}", "opened")["opened"]:
            raise PeerError(f"--peer-python {self._python}: {path} cannot be read there")

    def block(self, frames: int) -> tuple[list[float], float]:
        """Milliseconds of each of the next frames, and those of the processor for all of them."""
        answer = self._ask(f"block {frames}", "milliseconds")
        return answer["milliseconds"], answer["processor"]

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, line: str, key: str) -> Any:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError:
            raise self._broken() from None
        return self._answer(key)

    def _answer(self, key: str) -> Any:
        """The next line that has the key; MediaPipe's libraries may print lines of their own."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{") and key in (answer := json.loads(line)):
                return answer
        raise self._broken()

    def _broken(self) -> PeerError:
        code = self._process.wait()
        return PeerError(
            f"--peer-python {self._python}: MediaPipe did not answer (it ended with {code}); "
            f"is the package mediapipe in that interpreter?"
        )
