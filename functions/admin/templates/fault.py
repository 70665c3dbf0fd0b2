"""What is wrong with a Template, and where."""

from shared.errors import Malformed


class Fault(Malformed):
    """It cannot be used as it is. Lines and columns count from 1; 0 is unknown."""

    def __init__(self, why: str, line: int = 0, column: int = 0, part: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.line = line
        self.column = column
        self.part = part
        """`subject`, `html`, `text` or `mjml`."""

    def of(self, part: str) -> "Fault":
        """The same, once it is known which part it was."""
        return Fault(self.why, self.line, self.column, self.part or part)

    def __str__(self) -> str:
        at = f"line {self.line}, column {self.column}" if self.line else ""
        where = ", ".join(filter(None, (self.part, at)))
        return f"{where}: {self.why}" if where else self.why
