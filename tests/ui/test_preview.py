"""Looking through a dataset, without a page."""

from __future__ import annotations

from pytest import MonkeyPatch

from training import dataset, rows
from training.identity import Row
from training.persona import Persona
from ui.preview import KINDS, View

ROBIN = Persona("Robin", "Ada")


def test_after_the_last_conversation_comes_the_first() -> None:
    view = View(ROBIN)
    total = len(view.places())
    assert view.moved(-1).at == total - 1
    assert view.moved(-1).moved(1).row() == view.row()


def test_shuffling_never_shows_the_same_conversation_again() -> None:
    view = View(ROBIN)
    assert all(view.shuffled().at != view.at for _ in range(50))


def test_a_filter_shows_its_kind_only_and_the_kinds_are_all_there_is() -> None:
    view = View(ROBIN)
    every = view.rows()
    each = {kind: [every[at] for at in view.filtered(kind).places()] for kind in KINDS}
    assert all(row.kind == kind for kind, rows in each.items() for row in rows)
    assert sum(len(rows) for rows in each.values()) == len(every)


def test_it_opens_where_the_visitor_reads_the_name_in_his_language() -> None:
    for language in ("zh", "en"):
        row = View(ROBIN).opened(language).row()
        assert row and (row.kind, row.language) == ("identity", language)


def test_a_saved_dataset_looks_as_it_did_before_it_was_saved() -> None:
    built = View(ROBIN)
    dataset.save("robin", built.rows(), ROBIN)
    assert tuple(View(name="robin").rows()) == built.rows()


def test_answers_of_the_starter_itself_are_known_as_such() -> None:
    def known(general: str) -> list[View]:
        view = View(ROBIN, general=general)
        return [view.moved(at) for at in range(len(view.rows())) if view.moved(at).own()]

    assert len(known("")) > 100 and all(row.kind == "general" for view in known("") if (row := view.row()))
    assert len(known("ours")) < 5  # a short answer may be the same


def test_a_dataset_from_elsewhere_is_shown_without_kinds() -> None:
    row = View(ROBIN).rows()[0]
    dataset.save("foreign", [Row(row.messages, "", row.language)])
    view = View(name="foreign")
    assert [row.messages for row in view.rows()] == [row.messages]
    assert view.filtered("identity").row() is None


def test_looking_through_a_big_dataset_reads_only_the_conversation_that_is_shown(monkeypatch: MonkeyPatch) -> None:
    one = View(ROBIN).rows()[0]
    turns = ({"role": "user", "content": "?"}, one.messages[1])
    kinds = ["general", "identity"]
    dataset.save("big", (Row(({**turns[0], "content": f"{n}"}, turns[1]), kinds[n % 2], "en") for n in range(2000)))
    parsed: list[bytes] = []
    loads = rows.json.loads
    monkeypatch.setattr(rows.json, "loads", lambda text: parsed.append(text) or loads(text))
    view = View(name="big").opened("en")
    assert view.at == 1 and view.row().messages[0]["content"] == "1"  # type: ignore[union-attr]
    last = view.filtered("identity").moved(-1)
    assert last.row().messages[0]["content"] == "1999"  # type: ignore[union-attr]
    assert len(parsed) == 2


def test_an_empty_view_has_nothing_to_show() -> None:
    view = View()
    assert view.empty and view.row() is None and view.moved(3).at == 0 and view.shuffled().at == 0
