"""Feedback: the graded submission with scores, comments and what failing tests said, as one HTML page per notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jinja2
from markupsafe import Markup
from nbformat import NotebookNode

from courseware import rendering
from courseware.cells import role_of
from courseware.markers import HIDDEN_TESTS, MARK_SCHEME, cut
from courseware.notebooks import read_notebook
from courseware.results import EffectiveScore
from courseware.rubrics import OfferedItem, score_of

HIDDEN_FAILURE = "A hidden test failed."
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
pre { background: #f4f5f7; padding: .6rem .8rem; overflow-x: auto; white-space: pre-wrap; border-radius: 4px; }
pre.error, pre.stderr { background: #fdecea; } img { max-width: 100%; } table { border-collapse: collapse; }
td, th { border: 1px solid #ccc; padding: .2rem .5rem; }
.score { border-left: 4px solid #2f6f4f; padding: .2rem .8rem; margin: .5rem 0; background: #f3f8f5; }
.score.lost { border-color: #a33; background: #fdf3f2; } .muted { color: #555; }
"""
_PAGE = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>{{ style }}</style></head><body>
<h1>{{ title }}</h1>
<p><strong>{{ "%g"|format(score) }} of {{ "%g"|format(points) }} points</strong>{% if penalty %}
<span class="muted">(whole submission less {{ "%g"|format(penalty * 100) }} % for lateness)</span>{% endif %}</p>
{% if findings %}<ul>{% for text in findings %}<li>{{ text }}</li>{% endfor %}</ul>{% endif %}
{% for block in blocks %}{{ block.html }}{% if block.score %}
<div class="score {{ 'lost' if block.lost }}" id="{{ block.score.grade_id }}"><strong>{{ block.score.grade_id }}:
{{ "not graded yet" if block.score.score is none else "%g"|format(block.score.score) }} of
{{ "%g"|format(block.score.points) }}</strong>
{% if block.reason %}<div>{{ block.reason }}</div>{% endif %}
{% if block.score.auto_comment %}<div>{{ block.score.auto_comment }}</div>{% endif %}
{% if block.rubric %}<ul>{% for line in block.rubric %}<li>{{ line }}</li>{% endfor %}</ul>{% endif %}
{% if block.comment %}<div class="comment">{{ block.comment }}</div>{% endif %}</div>{% endif %}{% endfor %}
{% for score in absent %}<div class="score lost"><strong>{{ score.grade_id }}: {{ "%g"|format(score.score or 0) }} of
{{ "%g"|format(score.points) }}</strong><div>{{ score.reason }}</div></div>{% endfor %}
</body></html>
"""
)


@dataclass(frozen=True, slots=True)
class FeedbackOptions:
    """What students get to see.

    Attributes
    ----------
    show_hidden_tests
        Whether sources and messages of hidden tests are shown.
    """

    show_hidden_tests: bool = False


@dataclass(frozen=True, slots=True)
class _Block:
    html: Markup
    score: EffectiveScore | None = None
    lost: bool = False
    reason: str = ""
    comment: Markup | None = None
    rubric: tuple[str, ...] = ()


_DEFAULT_OPTIONS = FeedbackOptions()


def render(
    title: str,
    notebook: str,
    executed: bytes | None,
    scores: Sequence[EffectiveScore],
    findings: Sequence[Mapping[str, object]],
    penalty_fraction: float,
    options: FeedbackOptions = _DEFAULT_OPTIONS,
    rubric: Sequence[OfferedItem] = (),
) -> str:
    """Return the feedback page of one notebook.

    Parameters
    ----------
    title
        Of the page.
    notebook
        Path of the notebook.
    executed
        As the grader ran it; `None` when it was not handed in or could not be read.
    scores
        Of the submission; those of other notebooks are left out.
    findings
        Of the grading.
    penalty_fraction
        For lateness.
    options
        See `FeedbackOptions`.
    rubric
        What was offered at the cells, with items that marks name though they were removed.
    """
    own = {score.grade_id: score for score in scores if score.notebook == notebook}
    blocks: list[_Block] = []
    shown: set[str] = set()
    if executed is not None:
        for cell in read_notebook(executed, notebook).cells:
            role = role_of(cell)
            score = own.get(role.grade_id) if role is not None else None
            lines = _rubric_lines(score, rubric) if score is not None else ()
            blocks.append(_block(cell, score, options, lines))
            if score is not None:
                shown.add(score.grade_id)
    return _PAGE.render(
        title=title,
        style=Markup(_STYLE),  # noqa: S704 - a constant
        score=sum(score.score or 0.0 for score in own.values()),
        points=sum(score.points for score in own.values()),
        penalty=penalty_fraction,
        findings=[str(f["text"]) for f in findings if f["notebook"] == notebook],
        blocks=blocks,
        absent=[score for score in own.values() if score.grade_id not in shown],
    )


def _rubric_lines(score: EffectiveScore, rubric: Sequence[OfferedItem]) -> tuple[str, ...]:
    """Return the items that apply to a cell; what each takes only where the score follows from that today."""
    cell = (score.notebook, score.grade_id)
    items = [i for i in rubric if i.id in score.rubric_items and (i.notebook, i.grade_id) == cell]
    follows = score_of(score.points, (item.points for item in items)) == score.manual_score
    return tuple(f"{item.text} ({item.points:+g})" if follows else item.text for item in items)


def _block(
    cell: NotebookNode, score: EffectiveScore | None, options: FeedbackOptions, rubric: tuple[str, ...]
) -> _Block:
    hidden = cut(cell.source, HIDDEN_TESTS)
    conceal = hidden.found and not options.show_hidden_tests
    source = cut(hidden.rest if conceal else cell.source, MARK_SCHEME).rest
    if cell.cell_type == "code":
        parts = [f"<pre>{Markup.escape(source)}</pre>"]
        if not conceal:
            parts += [rendering.output(found) for found in cell.outputs]
    else:
        parts = [rendering.markdown(source, cell.get("attachments"))]
    reason = ""
    if score is not None and score.reason:
        reason = score.reason if not conceal else _concealed_reason(score, source)
        if score.message and not conceal:
            reason += "."
    comment = Markup(rendering.markdown(score.comment)) if score is not None and score.comment else None  # noqa: S704
    lost = score is not None and (score.score or 0.0) < score.points
    # Every part was escaped or sanitised above.
    return _Block(Markup("".join(parts)), score, lost, reason, comment, rubric)  # noqa: S704


def _concealed_reason(score: EffectiveScore, visible: str) -> str:
    """Say why points were lost without the text of a hidden test; a failure of the visible part is told whole."""
    last = score.message.strip().splitlines()[-1] if score.message.strip() else score.reason
    marked = [line.strip() for line in score.message.splitlines() if line.lstrip().startswith("---->")]
    failing = marked[-1].split(None, 2)[-1] if marked else ""
    return last if failing and failing in visible else HIDDEN_FAILURE
