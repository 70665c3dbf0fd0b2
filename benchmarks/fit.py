"""Least squares, for a handful of unknowns."""

from collections.abc import Sequence

NOTHING = 1e-9


def fitted(rows: Sequence[Sequence[float]], observed: Sequence[float]) -> list[float]:
    """The factors, none below zero, by which the columns come nearest to what was observed.

    Relatively: 1 % of a small figure weighs as much as 1 % of a large one. What was observed as 0
    is left out.
    """
    seen = [(row, value) for row, value in zip(rows, observed, strict=True) if value]
    scaled = [[each / value for each in row] for row, value in seen]
    columns = list(range(len(rows[0]))) if scaled else []
    while columns:
        factors = _solved(_normal([[row[column] for column in columns] for row in scaled]))
        least = min(factors)
        if least >= -NOTHING:
            found = dict(zip(columns, factors, strict=True))
            return [max(0.0, found.get(column, 0.0)) for column in range(len(rows[0]))]
        del columns[factors.index(least)]
    return [0.0] * len(rows[0])


def _normal(rows: list[list[float]]) -> list[list[float]]:
    """The normal equations of rows that each should come to 1."""
    width = range(len(rows[0]))
    return [
        [sum(row[i] * row[j] for row in rows) for j in width] + [sum(row[i] for row in rows)]
        for i in width
    ]


def _solved(rows: list[list[float]]) -> list[float]:
    """Gauss and Jordan, on a matrix whose last column is the right side."""
    for i in range(len(rows)):
        best = max(range(i, len(rows)), key=lambda n: abs(rows[n][i]))
        rows[i], rows[best] = rows[best], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for n, row in enumerate(rows):
            if n != i:
                rows[n] = [a - row[i] * b for a, b in zip(row, rows[i], strict=True)]
    return [row[-1] for row in rows]
