"""The button that asks for the rendering of a case."""

from __future__ import annotations

from . import looking_texts as words
from .persistent import Button, PersistentItem


class LookButton(PersistentItem[Button], path="look:{case_id}", event="look_press"):
    """One press asks whether to show the rendering, and shows nothing yet.

    It belongs on cards of cases for which a rendering is kept, where the server allows it, and never on one of a
    suspected minor. A press is checked anyway.
    """

    def __init__(self, case_id: int) -> None:
        super().__init__(Button(label=words.LOOK, custom_id=self.id_of(case_id=case_id)))
        self.case_id = case_id
