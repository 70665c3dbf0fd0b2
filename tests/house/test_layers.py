"""Imports only point down: ekiden → functions → shared. Functions do not import each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("shared", "functions", "ekiden")
PURE = [
    *("ekiden/bucket/expiry.py", "ekiden/bucket/notices.py", "ekiden/doctor/finding_of.py"),
    *(
        f"shared/domain_check/{name}.py"
        for name in (
            *("model", "subject", "tags", "dkim", "dmarc", "hints", "mail_way", "reverse"),
            *("spf", "spf_evaluation", "spf_macros", "spf_record"),
        )
    ),
    *("functions/submit/accept.py", "functions/submit/message.py", "functions/submit/parts.py"),
    *("functions/submit/fields.py", "functions/submit/request.py", "functions/submit/templates.py"),
    "functions/submit/watching.py",
    *("functions/submit/smtp_message.py", "functions/submit/login.py"),
    "functions/validate/cut.py",
    *("functions/dispatch/render.py", "functions/dispatch/mime.py"),
    *("functions/dispatch/headers.py", "functions/dispatch/dkim.py"),
    "functions/dispatch/canonical.py",
    *("functions/send/decide.py", "functions/send/retry.py", "functions/send/routing.py"),
    *("functions/send/tally.py", "functions/send/following.py"),
    *(
        f"functions/send/destinations/{name}.py"
        for name in ("limits", "pace", "progress", "warmup")
    ),
    *(f"functions/send/protection/{name}.py" for name in ("decide", "mta_sts", "tlsa")),
    *(f"ekiden/cost/{name}.py" for name in ("bill", "report", "traffic", "usage")),
    *("functions/send/demo/answers.py", "functions/send/demo/reports.py"),
    *(
        f"functions/send/notices/{name}.py"
        for name in ("delivery_status", "multipart_report", "notice", "words")
    ),
    *(
        f"functions/bounce/{name}.py"
        for name in (
            *("reading", "mime", "dsn", "complaint", "free_text", "auto_reply", "words"),
            *("report", "attribute", "plan", "arrival"),
        )
    ),
    *(
        f"functions/send/smtp/{name}.py"
        for name in (
            "capabilities",
            "commands",
            "dialogue",
            "opening",
            "reply",
            "target",
            "verdict",
        )
    ),
    *(
        f"functions/admin/templates/{name}.py"
        for name in ("build", "css", "fault", "marks", "markup", "mjml", "plain", "preview")
    ),
    "functions/admin/etags.py",
    "ekiden/sources/answer.py",
    *(f"shared/suppressions/{name}.py" for name in ("entry", "known", "csv_lines")),
    *(
        f"shared/stats/{name}.py"
        for name in ("counts", "day_events", "ranges", "schedule", "window")
    ),
    *(f"shared/one_address/{name}.py" for name in ("person", "rewriting")),
    *(f"shared/domain_retention/{name}.py" for name in ("wanted", "stretches")),
    *(f"functions/notify/{name}.py" for name in ("decide", "messages")),
    *("shared/http_url.py", "shared/networks.py"),
    *("ekiden/replay/moment.py", "ekiden/replay/compare.py"),
    "functions/dispatch/attribute_text.py",
    *("functions/dispatch/links.py", "functions/dispatch/tracked.py", "functions/track/pages.py"),
    *("functions/track/visitors.py", "functions/submit/watching.py"),
    *("functions/admin/route.py", "functions/admin/openapi.py", "functions/admin/mail/words.py"),
    *(
        f"functions/admin/dashboard/{name}.py"
        for name in ("session", "slowing", "headers", "written", "plots")
    ),
    *(
        f"shared/smtp_server/{name}.py"
        for name in ("intake", "commands", "reply", "proxy_header", "door", "trace")
    ),
    *(
        f"shared/{name}.py"
        for name in (
            *(
                "events/__init__",
                "trace_ids",
                "tracking",
                "tracking_tokens",
                "counts",
                "address",
                "bounce_classes",
                "bounce_rules",
                "feedback",
                "ids",
                "inbound",
                "key_form",
                "keys/__init__",
                "keys/batches",
                "keys/domains",
                "keys/history",
                "keys/relay",
                "keys/statistics",
                "layout",
            ),
            *("model", "outcome", "sandbox", "template_budget", "template_filters"),
            *("template_syntax", "templating", "unsubscribe"),
        )
    ),
]
IMPURE = {
    *("asyncio", "socket", "ssl", "subprocess", "threading", "time", "secrets", "os", "tempfile"),
    *("random", "uuid", "sqlite3", "obstore", "uvicorn", "urllib.request", "http.client"),
    *(
        "shared.store",
        "shared.stage",
        "shared.domains.Directory",
        "shared.suppressions.Suppressions",
    ),
}
ALLOWED_NAMES = {"random.Random"}
"""A generator that the caller made and seeded."""


def modules() -> list[Path]:
    return [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]


def imported(path: Path) -> Iterator[str]:
    """The full names that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_point_down(path: Path) -> None:
    layer = path.relative_to(ROOT).parts[0]
    above = LAYERS[LAYERS.index(layer) + 1 :]
    for name in imported(path):
        assert name.partition(".")[0] not in above, (
            f"{path.relative_to(ROOT)} is in {layer}/ and imports {name} from above. Move what it "
            f"needs down to {layer}/ or shared/, or have the caller hand it in as an argument."
        )


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_imports_no_other_function(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    if parts[0] != "functions" or len(parts) < 3:
        return
    for name in imported(path):
        foreign = name.startswith("functions.") and name.split(".")[1] != parts[1]
        assert not foreign, (
            f"{path.relative_to(ROOT)} imports {name}: functions are deployed apart. Put what both "
            "need into shared/, or let one write an object that the other reads."
        )


@pytest.mark.parametrize("name", PURE)
def test_what_decides_is_pure(name: str) -> None:
    for found in imported(ROOT / name):
        impure = any(found == each or found.startswith(each + ".") for each in IMPURE)
        assert not impure or found in ALLOWED_NAMES, (
            f"{name} decides, and imports {found}. Hand the time, the random bytes or what was "
            "read in as an argument, and act in the stage's thin part."
        )


@pytest.mark.parametrize("name", PURE)
def test_what_decides_reads_no_clock(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text())
    calls = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not calls & {"utcnow", "today", "monotonic", "perf_counter", "urandom"}, (
        f"{name} decides, and reads a clock: take the time as an argument."
    )


def test_only_one_module_builds_keys() -> None:
    work = ("inbox/", "submitted/", "validated/", "dispatched/", "waiting/", "failed/", "leases/")
    kept = ("batches/", "domains/")
    for path in modules():
        if path.is_relative_to(ROOT / "shared" / "keys"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.JoinedStr) or not isinstance(node.values[0], ast.Constant):
                continue
            assert not str(node.values[0].value).startswith(work + kept), (
                f"{path.relative_to(ROOT)}:{node.lineno} builds a key: let shared/keys do it"
            )


def test_no_module_grew_past_its_purpose() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in modules()
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert not long, f"over 400 lines, split by what is being done: {long}"
