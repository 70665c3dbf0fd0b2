"""The command `ekiden` as an operator types it, with nothing of this process's environment."""

import subprocess
import sys


def ekiden(
    *words: str, store_url: str = "memory:", timeout_s: float = 60, **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ekiden", *words],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", "EKIDEN_STORE_URL": store_url, **more},
    )
