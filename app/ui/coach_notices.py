"""Which notice covers the picture of the coach page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.capture import DEMO
from app.ui import notices
from app.ui.notice import Notice
from app.ui.words import count_text, said, t

if TYPE_CHECKING:
    from app.ui.coach import CoachPage


def notice_on(page: CoachPage) -> Notice | None:
    """The state that the picture is covered with, the most pressing first."""
    feed, home = page.feed, page.home_wanted.emit
    if feed.engine_error:
        return notices.network_failed(
            said(feed.engine_error),
            count=page.coaching.summary.count if page.coaching is not None else 0,
            retry=feed.retry_engine,
            copy=feed.copy_report,
            home=home,
        )
    if page.coaching is None:
        if page.entry is None:
            return None
        return notices.broken_exercise(page.entry, reload=page.reload_wanted.emit, home=home)
    if feed.source_error:
        return notices.source_failed(
            said(feed.source_error),
            count=page.coaching.summary.count,
            retry=lambda: page.source_wanted.emit(feed.spec or DEMO),
            demo=lambda: page.source_wanted.emit(DEMO),
            open_file=page.ask_for_file,
        )
    if feed.trouble is not None and page.done is None:
        return notices.camera_trouble(
            feed.trouble,
            feed.camera,
            count=page.coaching.summary.count,
            retry=feed.retry_camera,
            finish=page.finish,
            demo=lambda: page.source_wanted.emit(DEMO),
            open_file=page.ask_for_file,
        )
    if feed.spec is None and feed.cameras is not None and page.done is None:
        return notices.no_source(
            demo=lambda: page.source_wanted.emit(DEMO),
            open_file=page.ask_for_file,
            look=feed.look_for_cameras,
        )
    if page.done is not None and not page.done.sets:
        again = page.entry.id if page.entry is not None else ""
        return notices.nothing_counted(
            again=lambda: page.exercise_wanted.emit(again), open_file=page.ask_for_file, home=home
        )
    if page.paused:
        done = t("{reps} so far", reps=count_text(page.coaching.summary.count))
        return notices.paused(done, go_on=page.toggle_pause, finish=page.finish, home=home)
    return None
