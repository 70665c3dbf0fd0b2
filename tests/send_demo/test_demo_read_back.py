"""The bounce stage's reading understands what comes back from the demo sender."""

from demo_parts import BATCH, SECRET, Post

from functions.bounce.reading import read
from functions.bounce.report import Kind, Report
from functions.send.demo.answers import MAGIC
from shared import inbound, keys
from shared.bounce_classes import classify
from shared.ids import is_signed, parse_return_path


def report_for(recipient: str) -> Report:
    post = Post(recipient)
    post.send()
    [body] = post.objects(keys.INBOUND).values()
    mail = inbound.decode(body)
    return read(mail.message, mail.sender)


def test_a_late_bounce_says_its_class() -> None:
    report = report_for("late-bounce@x.example")
    [found] = report.recipients
    assert (report.kind, found.address) == (Kind.BOUNCE, "late-bounce@x.example")
    said = classify(found.code, found.enhanced, found.text)
    assert said.name == MAGIC["late-bounce"].bounce_class
    assert said.hard


def test_a_complaint_names_the_delivery_by_a_return_path_that_is_ours() -> None:
    report = report_for("complaint@x.example")
    claimed = parse_return_path(report.return_paths[0])
    assert (report.kind, report.feedback_type) == (Kind.COMPLAINT, "abuse")
    assert claimed is not None
    assert claimed[0] == f"{BATCH}.0000.0000"
    assert is_signed(*claimed, SECRET)
