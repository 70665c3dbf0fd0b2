"""The ways in which our Postfix can behave: one port each, in the words of its own manual.

Every parameter here is described in `postconf(5)`, every table in `access(5)` or
`header_checks(5)`.
"""

from collections.abc import Mapping

from private_postfix import Service

FILES = {
    "recipients": """\
nobody@    550 5.1.1 no such user here
disabled@  550 5.2.1 this mailbox is disabled
full@      452 4.2.2 mailbox is full
overquota@ 552 5.2.2 over quota
spam@      554 5.7.1 this message looks like spam
listed@    554 5.7.1 your address is on our block list
rejected@  REJECT
later@     DEFER
busy@      421 4.3.2 we are going down
""",
    "headers": "/^Subject: forbidden/ REJECT we do not want to read this\n",
    "transport": """\
# Behind a relay: taken for the whole domain, and refused by the next server.
behind.example smtp:[127.0.0.1]:{port of inner}
# Reports go to our own listener.
example.org    smtp:[127.0.0.1]:{port of reports}
""",
}
"""Written into its folder."""

_RECIPIENTS = "check_recipient_access texthash:{folder}/recipients"


def services(postgrey: int, milter: int) -> dict[str, Service]:
    """Port by port, by name. `postgrey` and `milter` are ports too; 0 where there is none."""
    return {**_GATES, **_LIMITS, **_EXTENSIONS, **_others(postgrey, milter)}


_GATES: Mapping[str, Service] = {
    "accepting": {},
    "inner": {"myhostname": "inner.example", "smtpd_recipient_restrictions": _RECIPIENTS},
    "choosy": {"smtpd_recipient_restrictions": _RECIPIENTS},
    "refusing senders": {"smtpd_sender_restrictions": "check_sender_access static:REJECT"},
    "deferring senders": {"smtpd_sender_restrictions": "check_sender_access static:DEFER"},
    "reading headers": {"cleanup_service_name": "strict"},
    "deferring at the dot": {
        "smtpd_end_of_data_restrictions": "check_client_access static:{451 4.7.1 not just now}"
    },
    "refusing clients": {
        "smtpd_client_restrictions": "check_client_access static:REJECT",
        "smtpd_delay_reject": "no",
    },
}

_LIMITS: Mapping[str, Service] = {
    "small": {"message_size_limit": "3000"},
    "tarpit": {
        "smtpd_recipient_restrictions": _RECIPIENTS,
        "smtpd_error_sleep_time": "1s",
        "smtpd_soft_error_limit": "1",
    },
    "stalling": {"smtpd_recipient_restrictions": "sleep 60"},
    "out of patience": {
        "smtpd_recipient_restrictions": _RECIPIENTS,
        "smtpd_hard_error_limit": "3",
    },
    "three messages at a time": {
        "smtpd_client_message_rate_limit": "3",
        "smtpd_client_event_limit_exceptions": "",
    },
    "one connection at a time": {
        "smtpd_client_connection_rate_limit": "1",
        "smtpd_client_event_limit_exceptions": "",
    },
}

_EXTENSIONS: Mapping[str, Service] = {
    "verbose": {"debug_peer_list": "127.0.0.1", "debug_peer_level": "2"},
    "without pipelining": {
        "smtpd_discard_ehlo_keywords": "pipelining, chunking",
        "smtpd_data_restrictions": "reject_unauth_pipelining",
    },
    "without smtputf8": {"smtpd_discard_ehlo_keywords": "smtputf8"},
    "without anything": {
        "smtpd_discard_ehlo_keywords": "pipelining, chunking, 8bitmime, size, dsn, smtputf8"
    },
    "tls": {"smtpd_tls_security_level": "may"},
    "tls only": {"smtpd_tls_security_level": "encrypt"},
    "broken tls": {
        "smtpd_tls_security_level": "may",
        "smtpd_tls_key_file": "{folder}/certificate.pem",  # that is no key
    },
}


def _others(postgrey: int, milter: int) -> dict[str, Service]:
    """The ports that need another server."""
    return {
        "greylisting": {
            "smtpd_recipient_restrictions": f"check_policy_service inet:127.0.0.1:{postgrey}"
        },
        "verifying": {
            "smtpd_milters": f"inet:127.0.0.1:{milter}",
            "milter_default_action": "tempfail",
        },
    }
