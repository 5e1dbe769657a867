"""The worker process that hashes passwords: one JSON request per line in, one JSON answer per line out.

Run as a file of its own, so that it loads nothing of the desk: hashing takes memory and time on purpose, and must
neither hold up the event loop nor stay alive when it is not needed.
"""

import json
import secrets
import sys

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's minimum for Argon2id (Password Storage Cheat Sheet): 19 MiB, 2 passes, 1 lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def main() -> None:
    """Answer requests until the input ends. A request without a hash is verified against one that nothing fits."""
    unknown = _HASHER.hash(secrets.token_urlsafe(32))
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "hash":
            answer: dict[str, str | bool] = {"hash": _HASHER.hash(request["password"])}
        else:
            answer = {"matches": _matches(request["hash"] or unknown, request["password"])}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


if __name__ == "__main__":
    main()
