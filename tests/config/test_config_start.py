"""What the configuration costs a cold start."""

import subprocess
import sys

HEAVY = "{'yaml', 'difflib', 'ipaddress', 'dataclasses', 'inspect', 'typer', 'jinja2'}"


def test_a_start_without_a_file_loads_nothing_that_only_files_and_mistakes_need() -> None:
    program = (
        "import sys, msgspec; before = set(sys.modules); "
        "import shared.config; shared.config.load(environ={'EKIDEN_SEND_MAX_JOBS': '5'}); "
        f"print(sorted((set(sys.modules) - before) & {HEAVY}))"
    )
    run = [sys.executable, "-c", program]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "[]\n"
