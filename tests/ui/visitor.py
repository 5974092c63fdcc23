"""A visitor without a browser: he sees what the components show, and what he does runs their events, one by one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import gradio as gr

from ui.text import Text


class Visitor:
    """Somebody on a page that was made of these blocks.

    He finds buttons and fields by what they say, among those that are shown. Not covered: what the browser does by
    itself; that something has changed, say, is an event only when he says so.
    """

    def __init__(self, demo: gr.Blocks) -> None:
        self._demo = demo
        self._props = {number: dict(vars(block)) for number, block in demo.blocks.items()}
        for number, block in demo.blocks.items():
            if isinstance(block, gr.Textbox):  # an empty one sends no None
                self._props[number]["value"] = block.value or ""

    def sees(self, component: Any, prop: str = "value") -> Any:
        return self._props[component._id].get(prop)

    def is_shown(self, component: Any) -> bool:
        here = self.sees(component, "visible") is True and "gone" not in self.sees(component, "elem_classes")
        return here and (component.parent in (None, self._demo) or self.is_shown(component.parent))

    @property
    def questions(self) -> list[str]:
        """What the page asks."""
        asking = self._shown(gr.Markdown, "elem_classes", ["confirm-question"])
        return [str(self.sees(each)) for each in asking]

    def button(self, said: str) -> Any:
        return self._only(gr.Button, "value", said)

    def field(self, label: str) -> Any:
        return self._only(gr.components.FormComponent, "label", label)

    def _only(self, kind: type, prop: str, said: str) -> Any:
        (found,) = self._shown(kind, prop, said)
        return found

    def _shown(self, kind: type, prop: str, said: Any) -> list[Any]:
        blocks = self._demo.blocks.values()
        return [
            each for each in blocks if isinstance(each, kind) and self.sees(each, prop) == said and self.is_shown(each)
        ]

    def enters(self, field: Any, value: Any, *events: str) -> None:
        """`field`: the component, or its label."""
        field = self.field(field) if isinstance(field, str) else field
        self._props[field._id]["value"] = value
        for event in events:
            self.does(field, event)

    def presses(self, button: str) -> None:
        self.does(self.button(button), "click")

    def does(self, component: Any, event: str) -> None:
        for listener in self.listeners(component, event):
            for _ in self.steps(listener):
                pass

    def listeners(self, component: Any, event: str) -> list[Any]:
        """What the page does then."""
        found = [each for each in self._demo.fns.values() if (component._id, event) in each.targets]
        assert found, f"nothing happens at {event}"
        return found

    def steps(self, listener: Any) -> Iterator[None]:
        """What a listener does, and whatever goes on from it; pauses after each of its answers."""
        answers = listener.fn(*[self.sees(each) for each in listener.inputs])
        for answer in answers if inspect.isgenerator(answers) else [answers]:
            self._answered(listener.outputs, answer)
            yield
        for each in self._demo.fns.values():
            if each.trigger_after == listener._id:
                yield from self.steps(each)

    def _answered(self, outputs: list[Any], answer: Any) -> None:
        if isinstance(answer, dict) and all(isinstance(part, gr.blocks.Block) for part in answer):
            assert set(answer) <= set(outputs), "an answer that Gradio would refuse"
        elif len(outputs) == 1 or not isinstance(answer, (tuple, list)):
            answer = dict.fromkeys(outputs, answer)
        else:
            answer = dict(zip(outputs, answer, strict=True))
        self.gets(answer)

    def gets(self, updates: dict[Any, Any]) -> None:
        """The page shows these."""
        for component, update in updates.items():
            self._props[component._id] |= _told(update)


def english() -> Text:
    """The texts of a page in English, its language switch made."""
    text = Text()
    text.first = "en"
    text.switch()
    return text


def _told(update: Any) -> dict[str, Any]:
    if isinstance(update, dict) and "__type__" in update:
        return {prop: value for prop, value in update.items() if prop != "__type__"}
    return dict(update.constructor_args) if isinstance(update, gr.components.Component) else {"value": update}
