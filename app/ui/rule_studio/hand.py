"""The level in the user's hand: selected, moved on trial, put into the file or given up. No Qt."""

from __future__ import annotations

from app.errors import FormcueError
from app.rule_edit import Place, Threshold
from app.studio_lanes import Lane, lanes_of, limits_from_elsewhere, with_moved
from app.studio_session import StudioSession
from app.ui.rule_studio.labels import value_text
from app.ui.words import said, t


class LevelHand:
    """lanes: to be shown, with the level where it is held. refusal: why it cannot be put there."""

    def __init__(self, session: StudioSession) -> None:
        self._session = session
        self.lanes: tuple[Lane, ...] = ()
        self.selected: Place | None = None
        self.refusal = ""

    @property
    def threshold(self) -> Threshold | None:
        """The selected number, as the file has it."""
        return self._session.threshold(self.selected) if self.selected is not None else None

    def refresh(self) -> None:
        """The file or the recording is another one: nothing is held, and the lanes are scaled anew."""
        session = self._session
        self.refusal = ""
        if self.threshold is None:
            self.selected = None
        self.lanes = ()
        if session.exercise is not None:
            elsewhere = limits_from_elsewhere(
                session.exercise, session.rule, session.adjustments, session.analysis
            )
            self.lanes = lanes_of(session.exercise, session.thresholds, session.analysis, elsewhere=elsewhere)

    def move(self, place: Place, value: float) -> str:
        """Tries the value; nothing is written. What to say of it."""
        session = self._session
        self.selected, self.refusal = place, ""
        try:
            session.try_value(place, value)
        except FormcueError as error:
            self.refusal = said(error)
        threshold = self.threshold
        if session.exercise is None or threshold is None:
            return self.refusal
        self.lanes = with_moved(self.lanes, session.exercise, session.thresholds, place, value)
        was, now = (
            (value_text(threshold.name, threshold.value), value_text(threshold.name, value))
            if threshold.name
            else (f"{threshold.value:.2f}", f"{value:.2f}")
        )
        name = threshold.name or threshold.role
        return self.refusal or f"{threshold.owner or t('Counting')}: {name} {was} → {now}"

    def put(self, place: Place, value: float) -> str:
        """Writes the value into the file, or leaves it as it was. What to say of it."""
        session = self._session
        try:
            session.change(place, value)
        except FormcueError as error:
            session.end_trial()
            return said(error)
        threshold, editor = session.threshold(place), session.editor
        if threshold is None or editor is None:
            return ""
        return t(
            "{file}, line {line}: {written}",
            file=editor.path.name,
            line=threshold.line,
            written=editor.written(place),
        )

    def leave(self) -> None:
        """Puts nothing anywhere."""
        self.selected = None
        self._session.end_trial()
        self.refresh()
