"""DKIM keys as they are stored and published."""

from base64 import b64decode

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)

from functions.dispatch.dkim import DkimKey
from shared.dkim_keys import dns_record, generate, load, txt_strings, zone_line
from shared.dkim_stored import Algorithm, StoredKey
from shared.errors import Malformed


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ed25519-sha256"])
def test_a_key_survives_being_stored(algorithm: Algorithm) -> None:
    key = generate(algorithm, "s1", created=1_700_000_000.0)
    read = msgspec.json.decode(msgspec.json.encode(key), type=StoredKey)
    assert read == key
    assert dns_record("s1", "example.com", load(read)) == dns_record("s1", "example.com", load(key))


def test_two_keys_are_never_the_same() -> None:
    pems = {generate("ed25519-sha256", "s1").private_key_pem for _ in range(10)}
    assert len(pems) == 10


def test_the_record_of_an_rsa_key_holds_its_2048_bit_public_half(rsa: DkimKey) -> None:
    name, text = dns_record("s1", "example.com", rsa.private_key)
    start, _, public = text.partition("p=")
    assert (name, start) == ("s1._domainkey.example.com", "v=DKIM1; k=rsa; ")
    read = load_der_public_key(b64decode(public))
    assert read == rsa.private_key.public_key()
    assert rsa.private_key.key_size == 2048


def test_the_record_of_an_ed25519_key_is_that_of_rfc_8463_appendix_a() -> None:
    secret = b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    key = Ed25519PrivateKey.from_private_bytes(secret)
    assert dns_record("brisbane", "football.example.com", key) == (
        "brisbane._domainkey.football.example.com",
        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    )


def test_a_long_record_is_cut_into_strings_of_255_bytes(rsa: DkimKey) -> None:
    _, text = dns_record("s1", "example.com", rsa.private_key)
    strings = txt_strings(text)
    assert [len(string) for string in strings] == [255, len(text) - 255]
    assert "".join(strings) == text


def test_a_zone_file_line_quotes_each_string() -> None:
    line = zone_line("s1._domainkey.example.com", "v=DKIM1; p=" + "A" * 250)
    first, second = '"v=DKIM1; p=' + "A" * 244 + '"', '"AAAAAA"'
    assert line == f"s1._domainkey.example.com. IN TXT ( {first} {second} )"


def test_a_key_from_opendkim_genkey_can_be_loaded(rsa: DkimKey) -> None:
    pem = as_pem(rsa.private_key, PrivateFormat.TraditionalOpenSSL)
    assert isinstance(load(StoredKey("s1", "rsa-sha256", pem, 0.0)), RSAPrivateKey)


def test_what_is_no_pem_is_refused() -> None:
    with pytest.raises(Malformed, match="selector 's1' is no unencrypted private key in PEM"):
        load(StoredKey("s1", "rsa-sha256", "-----BEGIN PRIVATE KEY-----\nx\n", 0.0))


def test_a_public_key_is_refused(rsa: DkimKey) -> None:
    public = rsa.private_key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(Malformed, match="no unencrypted private key"):
        load(StoredKey("s1", "rsa-sha256", pem, 0.0))


def test_an_encrypted_key_is_refused(ed25519: DkimKey) -> None:
    lock = BestAvailableEncryption(b"password")
    pem = ed25519.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock).decode()
    with pytest.raises(Malformed, match="no unencrypted private key"):
        load(StoredKey("s1", "ed25519-sha256", pem, 0.0))


def test_a_key_of_another_algorithm_is_refused(rsa: DkimKey) -> None:
    pem = as_pem(rsa.private_key, PrivateFormat.PKCS8)
    with pytest.raises(Malformed, match="says ed25519-sha256, but its PEM holds another kind"):
        load(StoredKey("s1", "ed25519-sha256", pem, 0.0))


def test_a_key_too_short_for_verifiers_is_refused() -> None:
    pem = as_pem(short_rsa_key(), PrivateFormat.PKCS8)
    with pytest.raises(Malformed, match="has 648 bits; verifiers ask for 1024"):
        load(StoredKey("s1", "rsa-sha256", pem, 0.0))


@pytest.mark.parametrize("selector", ["", "a b", "a.", "s1\r\n"])
def test_a_selector_that_dns_cannot_have_is_refused(selector: str) -> None:
    with pytest.raises(Malformed, match="DKIM selector"):
        generate("ed25519-sha256", selector)


def as_pem(key: RSAPrivateKey, form: PrivateFormat) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def short_rsa_key() -> RSAPrivateKey:
    """Of two Mersenne primes: the library makes no key as short as this."""
    p, q, e = 2**521 - 1, 2**127 - 1, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    crt = rsa_crt_dmp1(d, p), rsa_crt_dmq1(d, q), rsa_crt_iqmp(p, q)
    return RSAPrivateNumbers(p, q, d, *crt, RSAPublicNumbers(e, p * q)).private_key()


def test_a_damaged_key_is_refused() -> None:
    whole = generate("rsa-sha256", "s1")
    key = load(whole)
    assert isinstance(key, RSAPrivateKey)
    numbers = key.private_numbers()
    torn = RSAPrivateNumbers(
        numbers.p,
        numbers.q,
        numbers.d + 2,
        numbers.dmp1 + 2,
        numbers.dmq1,
        numbers.iqmp,
        numbers.public_numbers,
    ).private_key(unsafe_skip_rsa_key_validation=True)
    pem = torn.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(Malformed, match="damaged"):
        load(StoredKey("s1", "rsa-sha256", pem, 0.0))
