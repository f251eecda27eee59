"""Users as a CSV table: what each line says, and what is wrong with it. Pure: nothing here knows the database."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from hub.api.schemas import Email, Title, UserName
from hub.errors import InvalidError

COLUMNS = {
    "name": "name",
    "user": "name",
    "username": "name",
    "user_name": "name",
    "login": "name",
    "display_name": "display_name",
    "full_name": "display_name",
    "email": "email",
    "e-mail": "email",
    "mail": "email",
    "admin": "admin",
    "is_admin": "admin",
}
TRUE, FALSE = {"yes", "true", "1", "x", "y"}, {"no", "false", "0", "", "n"}
MOST_LINES = 5000
_NAME, _TITLE, _EMAIL = TypeAdapter(UserName), TypeAdapter(Title), TypeAdapter(Email)


@dataclass(frozen=True)
class Entry:
    """One line of the table. An empty field means: leave as it is.

    Parameters
    ----------
    line
        Number of the line in the file, the heading being 1.
    name, display_name, email
        As given.
    is_admin
        None where the table does not say.
    problem
        What is wrong with the line; empty when nothing is.
    """

    line: int
    name: str
    display_name: str = ""
    email: str = ""
    is_admin: bool | None = None
    problem: str = ""


def parse(text: str) -> list[Entry]:
    """Return the lines of a table of users; separators may be commas, semicolons or tabs.

    Raises
    ------
    InvalidError
        It has no heading, one without `name`, an unknown or doubled column, or too many lines.
    """
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        lines = [(reader.line_num, fields) for fields in reader]
    except csv.Error as error:
        raise InvalidError(f"Line {reader.line_num}: not valid CSV: {error}.") from error
    if not lines:
        raise InvalidError("The table is empty; its first line names the columns: name, display_name, email, admin.")
    columns = _columns(lines[0][1])
    entries = [_entry(line, columns, fields) for line, fields in lines[1:] if any(f.strip() for f in fields)]
    if len(entries) > MOST_LINES:
        raise InvalidError(f"The table has {len(entries)} lines; {MOST_LINES} at once are possible.")
    return _without_doubles(entries)


def _columns(heading: list[str]) -> list[str]:
    columns = []
    for title in heading:
        key = title.strip().lower().replace(" ", "_")
        if key not in COLUMNS:
            raise InvalidError(f"Line 1: unknown column “{title.strip()}”. Known: name, display_name, email, admin.")
        columns.append(COLUMNS[key])
    if "name" not in columns:
        raise InvalidError("Line 1: there is no column “name”, the user name.")
    if len(set(columns)) < len(columns):
        raise InvalidError("Line 1: a column is there twice.")
    return columns


def _entry(line: int, columns: list[str], fields: list[str]) -> Entry:
    if len(fields) > len(columns):
        return Entry(line, fields[0].strip(), problem=f"has {len(fields)} fields, but there are {len(columns)} columns")
    given = dict(zip(columns, (field.strip() for field in fields), strict=False))
    name = given.get("name", "").lower()
    try:
        _NAME.validate_python(name)
        display_name = _TITLE.validate_python(given["display_name"]) if given.get("display_name") else ""
    except ValidationError:
        rule = "user names have lowercase letters, digits, dot, dash and underscore, a letter or digit first"
        return Entry(line, name, problem=rule if len(given.get("display_name", "")) <= 120 else "the name is too long")
    try:
        email = _EMAIL.validate_python(given["email"]) if given.get("email") else ""
    except ValidationError:
        return Entry(line, name, problem=f"“{given['email']}” is no mail address")
    flag = given.get("admin", "").lower()
    if flag not in TRUE | FALSE:
        return Entry(line, name, problem=f"admin is “{flag}”; write yes or no")
    return Entry(line, name, display_name, email, (flag in TRUE) if flag else None)


def _without_doubles(entries: list[Entry]) -> list[Entry]:
    seen: dict[str, int] = {}
    out = []
    for entry in entries:
        first = seen.setdefault(entry.name, entry.line)
        if first != entry.line and not entry.problem:
            entry = Entry(entry.line, entry.name, problem=f"the name is in line {first} already")
        out.append(entry)
    return out
