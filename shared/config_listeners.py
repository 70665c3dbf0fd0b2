"""The options of the SMTP listeners."""

from typing import Annotated

from shared.config_kinds import MIB, MINUTE, SECOND, Duration, ListOf, Size, Text, Whole
from shared.config_section import LISTEN_ADDRESS, Section

NETWORK = Text("network", r"[0-9A-Fa-f.:]+(/[0-9]{1,3})?", "10.0.0.0/8")
FILE = Text("file", r"[^\x00\n]*", "/etc/ekiden/tls.pem")
ADDRESS = Text("mail address", r"[^@\s]+@[^@\s]+", "complaints@example.com")


class Listen(Section, frozen=True):
    """What all SMTP listeners have in common."""

    tls_certificate: Annotated[
        str,
        FILE,
        "PEM file with the certificate and its chain. Empty: one that it signs itself.",
    ] = ""
    tls_key: Annotated[str, FILE, "PEM file with its key; empty: it is in the same file."] = ""
    proxy_networks: Annotated[
        tuple[str, ...],
        ListOf(NETWORK),
        "Load balancers that announce their clients by the PROXY protocol, version 1 or 2. From "
        "anywhere else it is refused.",
    ] = ()
    max_connections: Annotated[int, Whole(1, 100_000), "Open sessions of one listener."] = 500
    max_connections_per_address: Annotated[
        int, Whole(1, 100_000), "Open sessions of one client address."
    ] = 50
    max_errors: Annotated[int, Whole(1, 1000), "Refused commands, then we hang up."] = 20
    idle_timeout: Annotated[float, Duration(), "How long a client may be silent."] = 5 * MINUTE


class Submission(Section, frozen=True):
    """The SMTP listeners for apps (RFC 6409)."""

    host: Annotated[str, LISTEN_ADDRESS, "The address to listen on."] = "0.0.0.0"
    port: Annotated[int, Whole(0, 65535), "With STARTTLS; 0 is none."] = 587
    tls_port: Annotated[int, Whole(0, 65535), "With TLS from the first byte; 0 is none."] = 465
    max_recipients: Annotated[int, Whole(1, 100_000), "Of one message."] = 1000
    max_login_failures: Annotated[
        int, Whole(1, 1000), "Of one client address in ten minutes; then logins are refused."
    ] = 10
    login_delay: Annotated[
        float, Duration(), "Each failed login is answered so much later than the one before."
    ] = 1 * SECOND


class Inbound(Section, frozen=True):
    """The SMTP listener for bounces and complaints."""

    host: Annotated[str, LISTEN_ADDRESS, "The address to listen on."] = "0.0.0.0"
    port: Annotated[int, Whole(1, 65535), "Its port."] = 25
    max_payload: Annotated[int, Size(), "The largest message."] = 1 * MIB
    max_recipients: Annotated[int, Whole(1, 1000), "Of one message."] = 50
    read_timeout: Annotated[float, Duration(), "How long a client may be silent."] = 60 * SECOND
    feedback_addresses: Annotated[
        tuple[str, ...],
        ListOf(ADDRESS),
        "Where feedback loops report complaints (RFC 5965).",
    ] = ()
