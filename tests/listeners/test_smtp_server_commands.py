"""Commands as a server reads them: strictly, and without changing what they say."""

import pytest

from shared.smtp_server.commands import (
    BadCommand,
    check_mail,
    check_rcpt,
    parse_command,
    parse_path,
)


@pytest.mark.parametrize(
    ("argument", "address", "parameters"),
    [
        ("FROM:<a@b.example>", "a@b.example", {}),
        ("from: <a@b.example>", "a@b.example", {}),
        ("FROM:<>", "", {}),
        ("FROM:<@relay.example,@two.example:a@b.example>", "a@b.example", {}),
        ('FROM:<"a b>c"@b.example>', '"a b>c"@b.example', {}),
        ("FROM:<é@b.example> SMTPUTF8", "é@b.example", {"SMTPUTF8": ""}),
        (
            "FROM:<A@b.example> size=5 ENVID=QuIx body=8BITMIME",
            "A@b.example",
            {"SIZE": "5", "ENVID": "QuIx", "BODY": "8BITMIME"},
        ),
    ],
)
def test_a_path_is_read_as_it_stands(
    argument: str, address: str, parameters: dict[str, str]
) -> None:
    path = parse_path("FROM:", argument)
    assert (path.address, path.parameters) == (address, parameters)
    check_mail(path, 1000)


@pytest.mark.parametrize(
    "argument",
    [
        *("", "FROM", "FROM:", "FROM:a@b.example", "TO:<a@b.example>", "FROM:<a@b.example"),
        *("FROM:<a@b.example>>", "FROM:<a@b@c.example>", "FROM:<a b@c.example>", "FROM:<<a@b.c>>"),
        *("FROM:<a@b.example>SIZE=1", "FROM:<a@b.example> =1", "FROM:<a@b.example> SIZE=1 SIZE=1"),
        *("FROM:<a@b.example> SIZE=", "FROM:<a@b.example> (comment)", "FROM:(c)<a@b.example>"),
    ],
)
def test_a_path_that_is_none_is_refused(argument: str) -> None:
    with pytest.raises(BadCommand, match=r"501 5\.(1\.3|5\.4)"):
        parse_path("FROM:", argument)


@pytest.mark.parametrize(
    ("parameters", "reply"),
    [
        ("SIZE=1001", "552 5.3.4"),
        ("SIZE=99999999999999999999", "552 5.3.4"),
        ("SIZE=-1", "501"),
        ("SIZE", "501"),
        ("SIZE=1e3", "501"),
        ("BODY=BINARYMIME", "501"),
        ("BODY", "501"),
        ("SMTPUTF8=1", "555"),
        ("RET=ALL", "555"),
        ("ENVID=a+b", "555"),
        ("ENVID=" + "x" * 101, "555"),
        ("AUTH", "555"),
        ("XYZ=1", "555"),
    ],
)
def test_a_parameter_of_mail_that_cannot_be_met_is_refused(parameters: str, reply: str) -> None:
    path = parse_path("FROM:", f"FROM:<a@b.example> {parameters}")
    with pytest.raises(BadCommand, match=reply):
        check_mail(path, 1000)


@pytest.mark.parametrize(
    "parameters",
    ["NOTIFY=NEVER", "NOTIFY=success,FAILURE", "ORCPT=rfc822;Ann+2BX@b.example NOTIFY=DELAY"],
)
def test_the_parameters_of_dsn_are_read(parameters: str) -> None:
    check_rcpt(parse_path("TO:", f"TO:<a@b.example> {parameters}"), False)


@pytest.mark.parametrize(
    "parameters",
    [
        *("NOTIFY", "NOTIFY=NEVER,FAILURE", "NOTIFY=ALWAYS", "ORCPT=a@b.example", "ORCPT=rfc822;"),
        *("ORCPT=rfc822;a+2x", "ORCPT=rfc822;" + "x" * 500, "ORCPT=rfc822;é", "BODY=8BITMIME"),
    ],
)
def test_a_parameter_of_rcpt_that_is_malformed_is_refused(parameters: str) -> None:
    with pytest.raises(BadCommand, match=r"50?55? |501|555"):
        check_rcpt(parse_path("TO:", f"TO:<a@b.example> {parameters}"), False)


def test_an_address_in_another_alphabet_needs_smtputf8() -> None:
    path = parse_path("TO:", "TO:<é@b.example>")
    with pytest.raises(BadCommand, match=r"553 5\.6\.7"):
        check_rcpt(path, False)
    with pytest.raises(BadCommand, match=r"553 5\.6\.7"):
        check_mail(path, 1000)
    check_rcpt(path, True)


@pytest.mark.parametrize("line", [b"NOOP\x00", b"NO\tOP", b"NOOP \x7f", b"\xff\xfe", b"x" * 2049])
def test_a_line_that_is_no_command_is_refused(line: bytes) -> None:
    with pytest.raises(BadCommand, match=r"500 5\.5\.2"):
        parse_command(line)


def test_a_line_of_auth_may_be_long() -> None:
    assert parse_command(b"auth PLAIN " + b"x" * 5000).verb == "AUTH"
