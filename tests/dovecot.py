"""A Dovecot of the tests' own: on free ports, with users in a file and mail in Maildirs, as root or not."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from desk.dev.mail_servers import find
from desk.ports import free_port
from shared.db import now_utc

PASSWORD = "s3cret pass"
_NOBODY = 65534
_START_SECONDS = 60

_CONFIG = """
base_dir = {here}/run
state_dir = {here}/state
log_path = {here}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {internal}
default_login_user = {login}
default_internal_group = {group}
first_valid_uid = 1
ssl = yes
ssl_cert = <{here}/cert.pem
ssl_key = <{here}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2
auth_failure_delay = 0 secs
mail_location = maildir:~/Maildir
mail_max_userip_connections = 100
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN {here}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {here}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={here}/mail/%u allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  mailbox Done {{
    auto = create
  }}
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service stats {{
  chroot =
}}
"""


class Dovecot:
    """The server. `port` speaks STARTTLS or nothing, `tls_port` TLS with a certificate of `ca_file`."""

    def __init__(self, *, introspection_url: str = "http://127.0.0.1:9/?token=") -> None:
        self.here = Path(tempfile.mkdtemp(prefix="dovecot-", dir="/tmp"))
        self.here.chmod(0o755)
        self.port, self.tls_port = free_port(), free_port()
        self.ca_file = self.here / "cert.pem"
        self._is_root = os.geteuid() == 0
        self._process: subprocess.Popen[bytes] | None = None
        self._certificate()
        uid, gid = (_NOBODY, _NOBODY) if self._is_root else (os.getuid(), os.getgid())
        user, group = _name("-un"), _name("-gn")
        mail = self.here / "mail"
        mail.mkdir()
        (self.here / "users").write_text("")
        (self.here / "oauth2.conf").write_text(
            f"introspection_url = {introspection_url}\nintrospection_mode = get\nusername_attribute = user\n"
        )
        self._owner = (uid, gid)
        os.chown(mail, uid, gid)
        (self.here / "dovecot.conf").write_text(
            _CONFIG.format(
                here=self.here,
                internal="dovecot" if self._is_root else user,
                login="dovenull" if self._is_root else user,
                group="dovecot" if self._is_root else group,
                uid=uid,
                gid=gid,
                port=self.port,
                tls_port=self.tls_port,
            )
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.here, ignore_errors=True)

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        program = find()
        assert program is not None
        self._process = subprocess.Popen([program, "-F", "-c", self.here / "dovecot.conf"])
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self.here / "log").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        """End it, with every connection."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def add_user(self, name: str) -> None:
        """Somebody with an empty INBOX, and `PASSWORD`. Dovecot looks for new ones once a second: it is waited for."""
        with (self.here / "users").open("a") as users:
            users.write(f"{name}:{PASSWORD}\n")
        time.sleep(1.05 - time.time() % 1)
        for directory in ("", "Maildir", "Maildir/new", "Maildir/cur", "Maildir/tmp"):
            path = self.here / "mail" / name / directory
            path.mkdir(exist_ok=True)
            os.chown(path, *self._owner)

    def deliver(self, name: str, raw: bytes, *, age: timedelta = timedelta()) -> None:
        """Put a mail into somebody's INBOX, as a delivery agent did so long ago."""
        maildir = self.here / "mail" / name / "Maildir"
        unique = f"{time.time_ns()}.{secrets.token_hex(8)}.test"
        (maildir / "tmp" / unique).write_bytes(raw)
        os.chown(maildir / "tmp" / unique, *self._owner)
        came_at = time.time() - age.total_seconds()
        os.utime(maildir / "tmp" / unique, (came_at, came_at))
        (maildir / "tmp" / unique).rename(maildir / "new" / unique)

    def inbox(self, name: str, folder: str = "") -> list[str]:
        """The files of somebody's INBOX, or of another folder, with their flags."""
        maildir = self.here / "mail" / name / "Maildir" / (f".{folder}" if folder else "")
        return sorted(path.name for part in ("new", "cur") for path in (maildir / part).glob("*"))

    def change_uid_validity(self, name: str) -> None:
        """Give all mails of somebody's INBOX other UIDs, under another UIDVALIDITY. The server is to be stopped."""
        assert self._process is None
        maildir = self.here / "mail" / name / "Maildir"
        for path in maildir.glob("dovecot*"):
            path.unlink()
        uid_list = maildir / "dovecot-uidlist"
        uid_list.write_text(f"3 V{secrets.randbelow(2**30) + 1} N1 G{secrets.token_hex(16)}\n")
        os.chown(uid_list, *self._owner)

    def _answers(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def _certificate(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now_utc() - timedelta(days=1))
            .not_valid_after(now_utc() + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (self.here / "key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


def require_dovecot() -> None:
    """Leave the tests out, loudly, where there is no server for them; or fail where one is required."""
    program = find()
    version = _output(program, "--version") if program else ""
    if version.startswith("2.3."):
        return
    sentence = f"NOT TESTED WITH A MAIL SERVER: there is no Dovecot 2.3 (found: {version or 'none'})"
    if os.environ.get("DESK_REQUIRE_MAIL_SERVERS") == "1":
        pytest.fail(sentence)
    pytest.skip(sentence)


def _name(option: str) -> str:
    return _output("/usr/bin/id", option)


def _output(program: str, *arguments: str) -> str:
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout.strip()
