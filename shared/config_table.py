"""The table of all options in docs/configuration.md, made from the code.

`python -m shared.config_table docs/configuration.md` writes it into the page.
"""

import sys
from pathlib import Path

from shared.config import options
from shared.config_sections import SECTIONS

BEGIN = "<!-- begin options: written by python -m shared.config_table docs/configuration.md -->"
END = "<!-- end options -->"


def options_table() -> str:
    """One Markdown table per section."""
    return "\n".join(_section_table(section) for section in SECTIONS)


def _section_table(section: str) -> str:
    lines = [f"### `{section}`", "", f"{SECTIONS[section].__doc__}", ""]
    lines += ["| option, variable | kind | default | meaning |", "|---|---|---|---|"]
    for option in options():
        if option.section == section:
            default = option.kind.show(option.default)
            shown = f"`{default}`" if default else "empty"
            lines.append(
                f"| `{option.name}`<br>`{option.env}` | {option.type} | {shown} "
                f"| {option.description} |"
            )
    return "\n".join([*lines, ""])


def with_table(page: str) -> str:
    """The page with the present table between its two markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{options_table()}\n{END}{after}"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(with_table(target.read_text("utf-8")), "utf-8")
