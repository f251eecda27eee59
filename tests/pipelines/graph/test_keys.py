"""Keys: equal for what is equal, different for what may change a result, and able to say why."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from pipelines.graph.keys import explain_miss, key_of, key_parts

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
named = st.dictionaries(st.text(min_size=1, max_size=4), values, max_size=3)


def parts(**changes: Any) -> dict[str, Any]:
    given_ = {
        "notebook": new_notebook(cells=[new_code_cell("a = 1"), new_code_cell("a + 1")]),
        "parameters": {"alpha": 0.1},
        "upstream": {"load": ["k1"]},
        "inputs": {"data.csv": "d1"},
        "environment": {"MODE": "fast"},
        "kernel": None,
    }
    return key_parts(**(given_ | changes))


@given(named)
def test_the_key_does_not_depend_on_the_order_of_parameters(parameters: dict[str, Any]) -> None:
    turned = dict(reversed(parameters.items()))
    assert key_of(parts(parameters=parameters)) == key_of(parts(parameters=turned))


@given(named, named)
def test_different_parameters_have_different_keys(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = repr(sorted(one.items())) == repr(sorted(other.items()))
    if same:
        assert key_of(parts(parameters=one)) == key_of(parts(parameters=other))
    elif one != other:
        assert key_of(parts(parameters=one)) != key_of(parts(parameters=other))


def test_outputs_texts_and_metadata_do_not_matter() -> None:
    notebook = new_notebook(
        cells=[new_markdown_cell("# T"), new_code_cell("a = 1", execution_count=7), new_code_cell("a + 1")],
        metadata={"authors": ["x"]},
    )
    assert key_of(parts(notebook=notebook)) == key_of(parts())


def test_each_part_matters_and_is_named() -> None:
    base = parts()
    for changes, reason in [
        ({"parameters": {"alpha": 0.2}}, "parameter alpha changed (0.1 → 0.2)"),
        ({"parameters": {}}, "parameter alpha is gone"),
        ({"upstream": {"load": ["k2"]}}, "step load has a new result"),
        ({"inputs": {"data.csv": "d2"}}, "input file data.csv changed"),
        ({"environment": {"MODE": "fast", "X": "1"}}, "variable X is new"),
        ({"kernel": "ir"}, "kernel changed from python3 to ir"),
        ({"notebook": new_notebook(cells=[new_code_cell("a = 2"), new_code_cell("a + 1")])}, "code cell 1 changed"),
    ]:
        changed = parts(**changes)
        assert key_of(changed) != key_of(base)
        assert explain_miss(changed, base) == f"ran because {reason}"
    assert explain_miss(base, None) == "ran because it has not run before"
