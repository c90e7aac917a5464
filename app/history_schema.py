"""The tables of the history (app/history.py), and how each version of them becomes the next."""

from __future__ import annotations

from typing import Final

# Each entry brings a file from the version of its place to the next; new ones are added at the end.
MIGRATIONS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE profiles (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    );
    CREATE TABLE workouts (
        id INTEGER PRIMARY KEY,
        uuid TEXT NOT NULL UNIQUE,
        profile INTEGER NOT NULL REFERENCES profiles ON DELETE CASCADE,
        plan TEXT NOT NULL,
        names TEXT NOT NULL,              -- JSON: language -> text
        started TEXT NOT NULL,            -- ISO 8601 with the zone of the place
        began REAL NOT NULL,              -- the same as seconds since 1970
        day TEXT NOT NULL,                -- the date there
        seconds REAL NOT NULL,
        finished INTEGER NOT NULL,
        hidden INTEGER NOT NULL DEFAULT 0 -- deleted, and may still be had back
    );
    CREATE INDEX workouts_by_day ON workouts (profile, hidden, day);
    CREATE INDEX workouts_hidden ON workouts (hidden) WHERE hidden;
    CREATE INDEX workouts_by_time ON workouts (profile, hidden, began);
    CREATE TABLE sets (
        id INTEGER PRIMARY KEY,
        workout INTEGER NOT NULL REFERENCES workouts ON DELETE CASCADE,
        place INTEGER NOT NULL,
        exercise TEXT NOT NULL,
        profile INTEGER NOT NULL,         -- the workout's own, as is began: for the indexes
        began REAL NOT NULL,
        started REAL NOT NULL,
        seconds REAL NOT NULL,
        target_reps INTEGER,
        target_seconds REAL,
        tempo TEXT,                       -- JSON: out, turn, back
        -- Read off the repetitions when they are written, so that years can be drawn without reading them.
        count INTEGER NOT NULL,
        held REAL NOT NULL,
        longest REAL NOT NULL,
        work REAL NOT NULL,
        range REAL,
        score REAL,
        weight INTEGER NOT NULL           -- how many repetitions and holds stand behind the score
    );
    CREATE INDEX sets_by_workout ON sets (workout, place, exercise, count, work, range, score, weight);
    CREATE INDEX sets_by_exercise ON sets
        (profile, exercise, began, count, longest, range, score, weight, workout);
    CREATE TABLE reps (
        id INTEGER PRIMARY KEY,
        set_id INTEGER NOT NULL REFERENCES sets ON DELETE CASCADE,
        place INTEGER NOT NULL,
        kind TEXT NOT NULL,
        start REAL NOT NULL,
        turn REAL,
        end REAL NOT NULL,
        side TEXT NOT NULL,
        range REAL,
        valid INTEGER NOT NULL,
        symmetry REAL,
        by_hand INTEGER NOT NULL
    );
    CREATE INDEX reps_by_set ON reps (set_id, place);
    CREATE TABLE faults (
        id INTEGER PRIMARY KEY,
        rep INTEGER NOT NULL REFERENCES reps ON DELETE CASCADE,
        rule TEXT NOT NULL,
        severity TEXT NOT NULL,
        parameter TEXT NOT NULL,
        value REAL NOT NULL,
        threshold REAL NOT NULL,
        text TEXT NOT NULL,
        time REAL NOT NULL,
        seconds REAL,
        joints TEXT NOT NULL,             -- names with a blank between them
        -- Of the worst of the set: 19 x (x, y, X, Y, Z, confidence), little-endian float32.
        pose BLOB
    );
    CREATE INDEX faults_by_rep ON faults (rep);
    """,
    """
    ALTER TABLE sets ADD COLUMN load REAL; -- kilograms; NULL: none
    CREATE INDEX sets_by_load ON sets (profile, exercise, began, load, weight, workout)
        WHERE load IS NOT NULL;
    """,
)
