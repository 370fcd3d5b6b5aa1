"""An SMTP server on a real socket that keeps what it is given (RFC 5321), secured on request (RFC 3207)."""

import asyncio
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Final, Literal

REPLIES: Final = {"HELO": b"250 mail.example", "MAIL": b"250 OK", "RCPT": b"250 OK"}
Security = Literal["none", "starttls", "implicit"]


@dataclass
class Mailbox:
    """`mails` in order, and who has logged in, by user and password; with `refuses` every sender is turned away."""

    port: int = 0
    refuses: bool = False
    starts_tls: ssl.SSLContext | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One conversation; a client that goes away ends it."""
        try:
            await self._converse(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        while line := await reader.readline():
            verb = line.split(None, 1)[0].decode().upper()
            self.verbs.append(verb)
            if verb == "STARTTLS" and self.starts_tls is not None:
                writer.write(b"220 go ahead\r\n")
                await writer.start_tls(self.starts_tls)
                continue
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                raw = await reader.readuntil(b"\r\n.\r\n")
                self.mails.append(message_from_bytes(raw[:-5], policy=policy.default))
                writer.write(b"250 taken\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(self._reply(verb, line, writer) + b"\r\n")
            await writer.drain()

    def _reply(self, verb: str, line: bytes, writer: asyncio.StreamWriter) -> bytes:
        if verb == "EHLO":
            secured = writer.get_extra_info("ssl_object") is not None
            offered = [b"AUTH PLAIN"] if secured else [b"STARTTLS"] if self.starts_tls else []
            return b"\r\n".join([b"250-mail.example", *(b"250-" + one for one in offered), b"250 SIZE 1000000"])
        if verb == "AUTH":
            _, user, password = b64decode(line.split()[2]).split(b"\0")
            self.logins.append((user.decode(), password.decode()))
            return b"235 welcome"
        if verb == "MAIL" and self.refuses:
            return b"550 not from you"
        if verb == "RCPT":
            self.recipients.append(line.decode().partition("<")[2].partition(">")[0])
        return REPLIES.get(verb, b"502 what?")


@asynccontextmanager
async def running_mailbox(security: Security = "none", context: ssl.SSLContext | None = None) -> AsyncIterator[Mailbox]:
    """A mailbox on a port of its own, for the length of the block."""
    mailbox = Mailbox(starts_tls=context if security == "starttls" else None)
    implicit = context if security == "implicit" else None
    server = await asyncio.start_server(mailbox.serve, "127.0.0.1", 0, ssl=implicit)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
