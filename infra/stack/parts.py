"""Which processes the stack has, and what each is told: commands and environments, nothing run."""

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.stack.free_ports import HOST, free_ports

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("submit", "validate", "dispatch", "send", "bounce", "notify")
"""Woken by the bucket's events."""
FUNCTIONS = (*STAGES, "track", "admin", "sweep")
POD = "pod"
TOKEN = "of-the-stack"
"""What events carry. It is the same in every stack: nobody but this machine reaches it."""


@dataclass(frozen=True)
class Ports:
    """Where everything listens."""

    functions: Mapping[str, int]
    receiver: int
    side: int
    inbound: int
    submission: int
    submission_tls: int

    @classmethod
    def free(cls, submit: int = 0) -> "Ports":
        """`submit`, if it is given; else what nobody listens on now."""
        found = free_ports(len(FUNCTIONS) + 5)
        functions = {name: found.pop() for name in FUNCTIONS}
        if submit:
            functions["submit"] = submit
        return cls(functions, *found)

    def url(self, function: str) -> str:
        return f"http://{HOST}:{self.functions[function]}/"

    @property
    def receiver_url(self) -> str:
        return f"http://{HOST}:{self.receiver}/"


@dataclass(frozen=True)
class Part:
    """One process."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    health: str
    """The URL that answers when it lives."""


@dataclass(frozen=True)
class Settings:
    """What all parts have in common."""

    store_url: str
    ports: Ports
    options: Mapping[str, str] = field(default_factory=dict)
    """Further ones for every part, as `EKIDEN_…`."""
    admin_token: str = field(default_factory=lambda: secrets.token_urlsafe(16))


def parts(settings: Settings) -> list[Part]:
    """All processes but the bucket."""
    return [*(_function(name, settings) for name in FUNCTIONS), _pod(settings)]


def _function(name: str, settings: Settings) -> Part:
    ports = settings.ports
    source = ROOT / "functions" / name / "main.py"
    command = (
        *(_program("functions-framework-python"), "--asgi"),
        *("--target", name, "--source", str(source)),
        *("--host", HOST, "--port", str(ports.functions[name])),
    )
    own = {"EKIDEN_LOG_FORMAT": "json", "WORKERS": "1", "PYTHONPATH": str(ROOT)}
    if name == "submit":
        own["EKIDEN_SUBMIT_PUBLIC_URL"] = ports.url(name).rstrip("/")
    if name == "admin":
        own["EKIDEN_ADMIN_TOKENS"] = settings.admin_token
    return Part(name, command, _environment(settings, own), f"{ports.url(name)}healthz")


def _pod(settings: Settings) -> Part:
    """It listens, and hands on what the bucket says: the functions do the work."""
    ports = settings.ports
    own = {
        "EKIDEN_SERVICES_SEND": "off",
        "EKIDEN_SERVICES_BOUNCE": "off",
        "EKIDEN_SERVICES_SWEEP": "off",
        "EKIDEN_INBOUND_HOST": HOST,
        "EKIDEN_SUBMISSION_HOST": HOST,
        "EKIDEN_INBOUND_PORT": str(ports.inbound),
        "EKIDEN_SUBMISSION_PORT": str(ports.submission),
        "EKIDEN_SUBMISSION_TLS_PORT": str(ports.submission_tls),
        "EKIDEN_METRICS_PORT": str(ports.side),
        "EKIDEN_SOURCES_PORT": str(ports.receiver),
    }
    command = (sys.executable, "-m", "ekiden", "pod")
    health = f"http://{HOST}:{ports.side}/healthz"
    return Part(POD, command, _environment(settings, own), health)


def _environment(settings: Settings, own: Mapping[str, str]) -> dict[str, str]:
    """Of this process, without options that were meant for it."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("EKIDEN_")}
    targets = ",".join(f"{name}={settings.ports.url(name)}" for name in STAGES)
    return {
        **inherited,
        "EKIDEN_STORE_URL": settings.store_url,
        "EKIDEN_EVENTS_TOKEN": TOKEN,
        "EKIDEN_SWEEP_TARGETS": targets,
        "EKIDEN_TRACK_PUBLIC_URL": settings.ports.url("track").rstrip("/"),
        # Who has this machine may make Webhooks that lead to it.
        "EKIDEN_WEBHOOKS_ALLOW_INSECURE": "on",
        "EKIDEN_WEBHOOKS_ALLOW_PRIVATE": "on",
        **own,
        **settings.options,
    }


def _program(name: str) -> str:
    """Beside the interpreter, where pip puts it."""
    return str(Path(sys.executable).parent / name)
