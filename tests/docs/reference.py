"""Generates docs/reference.md: python -m tests.docs.reference > docs/reference.md"""

from ekiden.cli.root import app
from ekiden.metrics import METRICS
from functions.send.demo.answers import MAGIC
from functions.send.destinations.limits import PROVIDERS
from shared import keys
from shared.bounce_classes import CLASSES
from shared.outcome import State
from shared.vocabulary import PROBLEMS, REASONS

WORDS = """\
| word | meaning | not |
|---|---|---|
| Domain | a sender's identity: name, DKIM keys, routes | tenant, account |
| Template | stored subject, HTML and text of a Domain, in Jinja2 | |
| API key | authenticates one Domain; stored hashed | token, secret |
| Batch | one submit call: one content, N Recipients | campaign, job, message |
| Recipient | one input row: address, fields | contact |
| Delivery | one Recipient's transmission of one Batch; `<batch>.<bag>.<n>` | email, job |
| Bag | up to `validate.bag_size` Deliveries that travel as one object | chunk, page, shard |
| Envelope | a Delivery rendered, signed, ready for SMTP | |
| Stage | submit, validate, dispatch, send, bounce, notify | worker, step, service |
| Work object | an object under a stage's prefix, as long as the work is open | task, job |
| Outcome | what became of a Delivery | status, result |
| Face | one way into a function: HTTP, event, SMTP, timer | handler, adapter |
| Lease | a time-limited claim on a work object | lock |
| Sweep | the timer that wakes due and forgotten work | reaper, janitor |
| Webhook | where a Domain is told what happened, at a URL of its own | callback |
| Replay | putting failed work back in front of its stage | retry |
"""


def states() -> str:
    import ast
    import inspect

    from shared import outcome

    tree = ast.parse(inspect.getsource(outcome))
    body = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "State").body
    docs = [n.value.value for n in body if isinstance(n, ast.Expr)][1:]
    rows = [f"| `{s}` | {' '.join(d.split())} |" for s, d in zip(State, docs, strict=True)]
    return "\n".join(["| state | meaning |", "|---|---|", *rows])


def commands() -> str:
    from typer.main import get_command

    rows = ["| command | what it does |", "|---|---|"]

    def walk(name: str, command: object) -> None:
        for each, inner in sorted(getattr(command, "commands", {}).items()):
            walk(f"{name} {each}", inner)
        if not hasattr(command, "commands") or command.invoke_without_command:
            rows.append(f"| `{name}` | {(command.help or '').splitlines()[0]} |")  # type: ignore[attr-defined]

    walk("ekiden", get_command(app))
    return "\n".join(rows)


def words(table: dict[str, str]) -> str:
    return "\n".join(f"| `{word}` | {meaning} |" for word, meaning in sorted(table.items()))


def magic() -> str:
    rows = ["| local part | what becomes of it |", "|---|---|"]
    rows += [f"| `{name}@` | {each.meaning} |" for name, each in MAGIC.items()]
    return "\n".join(rows)


def providers() -> str:
    rows = ["| mail servers below | connections | mails on each |", "|---|---|---|"]
    rows += [
        f"| `{name}` | {each['connections']} | {each['messages']} |"
        for name, each in PROVIDERS.items()
    ]
    return "\n".join(rows)


def document() -> str:
    key_map = (keys.__doc__ or "").partition("\n\n")[2].rpartition("\n\nAll variable")[0]
    return f"""\
# Reference

Generated from the code by `python -m tests.docs.reference > docs/reference.md`; a test holds it.

## Words

{WORDS}
## States of a Delivery

How they follow each other: [states.md](states.md).

{states()}

## Reasons of a rejection

| reason | meaning |
|---|---|
{words(REASONS)}

## Problems (RFC 9457)

`type` is `urn:ekiden:problem:<word>`.

| word | meaning |
|---|---|
{words(PROBLEMS)}

## Bounce classes

`class` of an Outcome that is deferred, bounced or failed; `hard` when it would be the same
tomorrow, because of the Recipient: then the address is suppressed.

| class | meaning |
|---|---|
{words(CLASSES)}

## Magic recipients of the demo sender

With `send.route=demo:` nothing leaves. What becomes of a mail depends on the local part of its
Recipient, whatever the domain; a label may follow, as in `deferred+7@`. All others are delivered.

{magic()}

## Known providers

Limits per destination where `send.limits` says nothing else. The pace adapts below them.

{providers()}

## Metrics

`GET /metrics` on the side port (`metrics.port`), in Prometheus' text format.

| metric | meaning |
|---|---|
{words(METRICS)}

## Keys of the bucket

```
{key_map}
```

Objects are JSON or JSON Lines; above 64 KiB a zstd frame under the same key. `ekiden show` prints
any.

## Commands

{commands()}
"""


if __name__ == "__main__":
    print(document(), end="")
