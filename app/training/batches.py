"""The run's batches, made ahead of the network: by a thread of this process, or by processes of their own."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import cv2
import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from app.training.config import TrainConfig
from app.training.datasets import DataSetError
from app.training.tasks import Labels, Task
from app.training.workers import Workers

Batch = tuple[Tensor, ...]
# So many broken pictures one after the other are no accident.
GIVE_UP_AFTER: Final = 50


def draw_sample(task: Task, rng: np.random.Generator, labels: Labels) -> Any:
    """One sample; broken pictures are told and passed over.

    Raises DataSetError when GIVE_UP_AFTER of them come one after the other.
    """
    for _ in range(GIVE_UP_AFTER):
        try:
            return task.draw(rng, labels)
        except DataSetError as error:
            tqdm.write(f"skipped: {error}")
            broken = error
    raise broken


class _Draws(Dataset[Any]):
    """One sample for each place in the run.

    A sample's randomness comes from the seed and its place, so that a resumed run draws what the unbroken
    one would have drawn, whoever draws it.
    """

    def __init__(self, task: Task):
        self.task = task

    def __getitem__(self, place: int) -> Any:
        """The sample, or the DataSetError that ends the run: as a value, to come whole out of a loader."""
        config = self.task.config
        rng = np.random.default_rng((config.seed, place))
        try:
            return draw_sample(self.task, rng, self.task.labels_of(place // config.batch))
        except DataSetError as error:
            return error


def _stack(task: Task, samples: list[Any]) -> Batch | DataSetError:
    for sample in samples:
        if isinstance(sample, DataSetError):
            return sample
    return task.collate(samples)


def _places(config: TrainConfig, first: int, workers: Workers) -> Iterator[list[int]]:
    """This process's part of batch after batch, without end."""
    share = config.batch // workers.count
    while True:
        start = first + workers.rank * share
        yield list(range(start, start + share))
        first += config.batch


def make_batches(task: Task, first: int, workers: Workers, stop: threading.Event) -> Iterator[Batch]:
    """Endless batches from the run's picture number `first` on. Raises DataSetError when too many pictures
    one after the other are broken."""
    places = _places(task.config, first, workers)
    if task.config.loaders == 0:
        made: Iterator[Any] = _from_thread(task, places, stop)
    else:
        loader: DataLoader[Any] = DataLoader(
            _Draws(task),
            batch_sampler=places,
            collate_fn=partial(_stack, task),
            num_workers=task.config.loaders,
            worker_init_fn=_begin_loader,
            pin_memory=workers.device.type == "cuda",
            prefetch_factor=4,
            # Never by fork: a child of a process with threads (OpenCV's, OpenVINO's) may wait for ever.
            multiprocessing_context="spawn",
        )
        made = iter(loader)
    for batch in made:
        if isinstance(batch, Exception):
            raise batch
        yield batch


def _begin_loader(_number: int) -> None:
    cv2.setNumThreads(1)  # there are as many loaders as there should be threads
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that trains


def _from_thread(task: Task, places: Iterator[list[int]], stop: threading.Event) -> Iterator[Any]:
    """OpenCV lets go of the interpreter while it works, so one thread keeps a CPU's network busy."""
    draws = _Draws(task)
    ready: queue.Queue[Any] = queue.Queue(maxsize=4)

    def put(item: Any) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.5)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for batch in places:
                put(_stack(task, [draws[place] for place in batch]))
                if stop.is_set():
                    return
        except Exception as error:  # it is the training's to report
            put(error)

    threading.Thread(target=work, daemon=True, name="crops").start()
    while True:
        yield ready.get()
