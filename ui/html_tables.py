"""Views of tables as HTML: the same views, and so the same words and figures, that the command prints."""

from __future__ import annotations

from cradlecast.ui.escape import safe
from cradlecast.ui.rows import Row
from cradlecast.ui.tables import Column, View


def html_table(view: View) -> str:
    """A view as a table with a caption, in a box that can be scrolled by keyboard where it is too wide."""
    title = safe(view.title)
    head = "".join(f'<th scope="col"{_side(column)}>{safe(column.title)}</th>' for column in view.columns)
    body = []
    for section in view.sections:
        if section.title:
            width = len(view.columns)
            body.append(f'<tr class="part"><th colspan="{width}" scope="colgroup">{safe(section.title)}</th></tr>')
        body += [_row(view, row) for row in section.rows]
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{title}"><table><caption><b>{title}</b>'
        f"<span>{safe(view.about)}</span></caption><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
        "</div>"
    )


def _row(view: View, row: Row) -> str:
    """One row; its first cell names it."""
    first, *others = view.columns
    cells = [f'<th scope="row"{_side(first)}>{safe(first.cell(row)) or "&nbsp;"}</th>']
    cells += [f"<td{_side(column)}>{safe(column.cell(row))}</td>" for column in others]
    return f"<tr>{''.join(cells)}</tr>"


def _side(column: Column) -> str:
    """Words stand at the left."""
    return "" if column.right else ' class="left"'
