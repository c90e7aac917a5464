"""What is asked of every exercise that Formcue ships. The tests in the files themselves are run by `test`."""

from __future__ import annotations

import pytest

from app.exercise import Exercise
from app.rules import load_library

LIBRARY = load_library()


@pytest.mark.parametrize("exercise", LIBRARY.values(), ids=LIBRARY)
def test_every_rule_has_a_test_where_it_fires_and_one_where_it_does_not(exercise: Exercise) -> None:
    judged = [set(test.prompts) for test in exercise.tests if test.prompts is not None]
    for rule in exercise.rules:
        if rule.severity == "praise":
            continue
        assert any(rule.id in said for said in judged), f"{rule.id} is never heard"
        assert any(rule.id not in said for said in judged), f"{rule.id} is always heard"


@pytest.mark.parametrize("exercise", LIBRARY.values(), ids=LIBRARY)
def test_every_exercise_has_reminders_in_both_languages_and_says_where_they_come_from(
    exercise: Exercise,
) -> None:
    assert len(exercise.rules) >= 3
    assert exercise.sources
    for texts in (exercise.names, exercise.about, *(rule.say for rule in exercise.rules)):
        assert {"en", "zh"} <= set(texts)
    assert all(rule.views for rule in exercise.rules)
