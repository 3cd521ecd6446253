from __future__ import annotations

import json
from typing import Any

import pytest

from synth.export.columns import ALIGNMENT, ALIGNMENT_TEXT, ROW, LabelSurvey, label_columns, table_columns
from tests.export.rows import AWKWARD_TEXT, row


def survey(*labels: dict[str, Any]) -> dict[str, str]:
    survey = LabelSurvey()
    for each in labels:
        survey.add(row(labels=each))
    return dict(survey.kinds())


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((True, None, False), "bool"),
        ((1, 2, None), "int64"),
        ((1, 2.5), "float64"),
        ((1 << 70, 1), "string"),  # no column of integers holds it
        (("american", None), "string"),
        ((True, "yes"), "string"),
        ((True, 1), "string"),
        (([1], None), "string"),
        ((None, None), "string"),
    ],
)
def test_a_label_has_the_narrowest_type_that_all_its_values_have(values: tuple[Any, ...], kind: str) -> None:
    assert survey(*({"x": value} for value in values)) == {"x": kind}


def test_labels_are_in_alphabetical_order_whatever_the_order_of_rows() -> None:
    assert list(survey({"b": 1, "a": 1}, {"c": 1})) == ["a", "b", "c"]


def test_values_of_labels_survive_and_a_missing_label_is_null() -> None:
    labels = [{"mixed": True, "text": "true"}, {"mixed": [1, "é"]}, {"mixed": None, "text": ""}]
    mixed, text = label_columns(survey(*labels))  # type: ignore[arg-type]
    assert (mixed.name, text.name) == ("label_mixed", "label_text")
    assert [mixed.value(row(labels=each)) for each in labels] == ["true", '[1, "é"]', None]
    assert [text.value(row(labels=each)) for each in labels] == ["true", None, ""]


def test_a_row_keeps_nulls_apart_from_empty_texts() -> None:
    columns = {column.name: column for column in table_columns({})}
    values = {name: column.value(row(text="", speaker=None)) for name, column in columns.items()}
    assert (values["text"], values["speaker"], values["snr_db"], values["snr_measure"]) == ("", None, None, None)
    assert columns["text"].value(row()) == AWKWARD_TEXT
    assert (values["speech_start"], values["speech_duration"]) == (0.1, 1.5)
    assert (values["noise_segments"], values["noise_kinds"], values["events"]) == (3, "recording;cabin", "horn")


def test_names_of_columns_are_distinct() -> None:
    names = [column.name for column in table_columns({"text": "string"})]
    assert len(set(names)) == len(names)


def test_an_alignment_is_a_list_of_words_or_a_text_and_null_is_not_empty() -> None:
    aligned = row(alignment=[["é", 0.1, 0.2]])
    assert ALIGNMENT.value(aligned) == [{"word": "é", "start": 0.1, "duration": 0.2}]
    assert ALIGNMENT_TEXT.value(aligned) == '[["é", 0.1, 0.2]]'
    for column in (ALIGNMENT, ALIGNMENT_TEXT):
        assert column.value(row(alignment=None)) is None
        assert column.value(row(alignment=[])) is not None


def test_the_row_itself_is_one_of_the_columns() -> None:
    assert json.loads(ROW.value(row())) == row()
