"""The shapes of the requests and responses about rubrics."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from hub.api.schemas import Body

Points = Annotated[
    float,
    Field(
        ge=-1_000_000,
        le=1_000_000,
        allow_inf_nan=False,
        description="Added to the full points of a cell; mostly negative.",
    ),
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]


class OfferedItem(BaseModel):
    """A line of a rubric where a cell is marked; a removed one is kept where a mark names it."""

    id: int
    rubric_id: int
    rubric: str
    notebook: str
    grade_id: str
    text: str
    points: float
    is_removed: bool


class OfferedItems(BaseModel):
    """What is offered at the cells of an assignment."""

    items: list[OfferedItem]


class ItemAdd(Body):
    """A new line for the rubric of a cell."""

    notebook: str
    grade_id: str
    text: Text
    points: Points


class ItemDraft(Body):
    """A line that a rubric is to have; with an id, instead of that one."""

    id: int | None = None
    text: Text
    points: Points


class RubricDraft(Body):
    """What a rubric is to be; items that are left out are removed."""

    name: Name
    items: Annotated[list[ItemDraft], Field(max_length=200)]


class RubricUpdate(RubricDraft):
    """What a rubric is to be; `revision` is that of the rubric that the person saw."""

    revision: Annotated[int, Field(ge=1)]
    include_returned: bool = Field(False, description="Whether scores that students have seen change, too.")


class Item(BaseModel):
    """A line of a rubric."""

    id: int
    text: str
    points: float


class RubricUse(Body):
    """A cell at which a rubric is offered."""

    assignment: str
    notebook: str
    grade_id: str


class CourseRubric(BaseModel):
    """A rubric in the library of a course, and how many marks use it."""

    id: int
    name: str
    revision: int
    items: list[Item]
    uses: list[RubricUse]
    marks: int


class RubricLibrary(BaseModel):
    """The rubrics of a course, and the cells of released assignments at which they can be offered."""

    items: list[CourseRubric]
    cells: list[RubricUse]


class MarkEffect(BaseModel):
    """What a change of a rubric does to a mark; `is_returned`: its student has seen it, or the course is archived."""

    submission_id: int
    label: str
    assignment: str
    notebook: str
    grade_id: str
    before: float | None
    after: float
    is_returned: bool


class RubricEffects(BaseModel):
    """The marks that a change of a rubric would change."""

    changes: list[MarkEffect]


class RubricChanged(RubricEffects):
    """A rubric as it is now, and the marks that were changed."""

    rubric: CourseRubric
