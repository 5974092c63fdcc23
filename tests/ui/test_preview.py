"""Looking through a dataset, without a page."""

from __future__ import annotations

from training import dataset
from training.persona import Persona
from ui.preview import KINDS, View, counts

ROBIN = Persona("Robin", "Ada")


def test_after_the_last_conversation_comes_the_first() -> None:
    view = View(ROBIN)
    total = len(view.shown())
    assert view.moved(-1).at == total - 1
    assert view.moved(-1).moved(1).row() == view.row()


def test_shuffling_never_shows_the_same_conversation_again() -> None:
    view = View(ROBIN)
    assert all(view.shuffled().at != view.at for _ in range(50))


def test_a_filter_shows_its_kind_only_and_the_kinds_are_all_there_is() -> None:
    view = View(ROBIN)
    each = {kind: view.filtered(kind).shown() for kind in KINDS}
    assert all(row.kind == kind for kind, rows in each.items() for row in rows)
    assert sum(len(rows) for rows in each.values()) == len(view.rows())


def test_it_opens_where_the_visitor_reads_the_name_in_his_language() -> None:
    for language in ("zh", "en"):
        row = View(ROBIN).opened(language).row()
        assert row and (row.kind, row.language) == ("identity", language)


def test_a_saved_dataset_looks_as_it_did_before_it_was_saved() -> None:
    built = View(ROBIN)
    dataset.save("robin", built.rows(), ROBIN)
    assert View(name="robin").rows() == built.rows()


def test_a_dataset_from_elsewhere_is_shown_without_kinds() -> None:
    row = View(ROBIN).rows()[0]
    dataset.save("foreign", [row])
    view = View(name="foreign")
    assert [row.messages for row in view.rows()] == [row.messages]
    assert counts(view, "en") == "1 conversations: 1 different, 0 repeated"


def test_an_empty_view_has_nothing_to_show() -> None:
    view = View()
    assert view.empty and view.row() is None and view.moved(3).at == 0 and view.shuffled().at == 0


def test_the_counts_are_words_in_both_languages() -> None:
    summary = dataset.summarise(View(ROBIN).rows())
    assert f"{summary.near_miss} near misses" in counts(View(ROBIN), "en")
    assert f"易混问题 {summary.near_miss}" in counts(View(ROBIN), "zh")
