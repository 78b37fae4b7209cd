"""Tables of enterprises and the facts that measures ask for: a row an enterprise, a column a fact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dujiang import sheets
from dujiang.messages import BadInput, Text
from dujiang.support.measures import Book, Value

NAME = Text("企业", "Enterprise")


def read(path: Path, book: Book) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield (enterprise, facts) of a CSV or Excel table; an empty cell is a fact not given. Raises `BadInput`.

    A heading is a fact's name or its title in either language; no fact's column need be there.
    """
    titles = {"enterprise": NAME, **{name: fact.title for name, fact in book.facts.items()}}
    for number, row in sheets.read_rows(path, titles, optional=book.facts):
        name = row["enterprise"].strip()
        if not name:
            raise sheets.fault(path, number, "enterprise", NAME, row, Text("企业名称", "the enterprise's name"))
        facts: dict[str, Value] = {}
        for fact in book.facts.values():
            if not row.get(fact.name, "").strip():
                continue
            try:
                facts[fact.name] = fact.parse(row[fact.name])
            except ValueError as error:
                raise sheets.fault(path, number, fact.name, fact.title, row, fact.expected) from error
        yield name, facts


def of_answers(answers: dict[str, str], book: Book) -> dict[str, Value]:
    """Return the facts of what one enterprise answered, by fact; raises `BadInput` that names the fact."""
    facts: dict[str, Value] = {}
    for name, answer in answers.items():
        if not answer.strip():
            continue
        fact = book.facts.get(name)
        if fact is None:
            known = ", ".join(book.facts)
            raise BadInput("facts", field=name, expected=Text(f"{known} 之一", f"one of {known}"), found=name)
        try:
            facts[name] = fact.parse(answer)
        except ValueError as error:
            field = f"{fact.title.zh} ({name})"
            raise BadInput("facts", field=field, expected=fact.expected, found=answer) from error
    return facts
