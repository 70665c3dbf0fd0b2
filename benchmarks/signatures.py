"""The wall that RSA sets: bare RSA-2048 signatures, one process per core, all at once.

`python -m benchmarks.signatures START` is one of these processes: it signs for two seconds from
`START` (in `time.monotonic()`, which all processes of a machine share) and prints its rate.
"""

import os
import subprocess
import sys
import time

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

DURATION_S = 2.0
START_UP_S = 1.5
_SIGNED_BYTES = 400
"""About what DKIM signs: the canonical header lines and the signature's own."""


def rate_of_all_cores() -> float:
    """Signatures per second of all cores together."""
    start = time.monotonic() + START_UP_S
    command = [sys.executable, "-m", "benchmarks.signatures", str(start)]
    signers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(core_count())
    ]
    return sum(float(signer.communicate(timeout=60)[0]) for signer in signers)


def core_count() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _rate_of_this_process(start: float) -> float:
    key = generate_private_key(65537, 2048)
    padding, hashing, data = PKCS1v15(), SHA256(), bytes(_SIGNED_BYTES)
    time.sleep(max(0.0, start - time.monotonic()))
    begun, signed = time.monotonic(), 0
    while (elapsed_s := time.monotonic() - begun) < DURATION_S:
        key.sign(data, padding, hashing)
        signed += 1
    return signed / elapsed_s


if __name__ == "__main__":
    print(_rate_of_this_process(float(sys.argv[1])))
