"""The rule studio: a rule file on a recording, with every threshold to be dragged. See page.py."""

from app.ui.rule_studio.page import StudioPage as StudioPage
