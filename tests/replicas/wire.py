"""HTTP/1.1 over asyncio, as much of it as the check needs: a server for the stand-ins and a client with kept
connections. It knows nothing of Telegram or of the bot."""

import asyncio
from dataclasses import dataclass, field

HEAD_MAX = 64 * 1024


class Broken(Exception):
    """The other side refused the connection, cut it, or took too long."""


@dataclass
class Message:
    """A request or a response: `start` is its first line in three words, header names are in lower case."""

    start: list
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    @property
    def status(self):
        return int(self.start[1])

    @property
    def method(self):
        return self.start[0]

    @property
    def path(self):
        return self.start[1]


async def read(reader, bodiless=False):
    """The next message, or None if the other side closed between two of them."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise Broken("the connection was cut inside a head") from error
        return None
    lines = head.decode("latin-1").split("\r\n")
    message = Message((lines[0].split(" ", 2) + ["", ""])[:3])
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            message.headers[name.strip().lower()] = value.strip()
    if bodiless or message.start[1] in ("204", "304"):
        return message
    try:
        if message.headers.get("transfer-encoding", "").lower() == "chunked":
            message.body = await _chunks(reader)
        elif "content-length" in message.headers:
            message.body = await reader.readexactly(int(message.headers["content-length"]))
    except asyncio.IncompleteReadError as error:
        raise Broken("the connection was cut inside a body") from error
    return message


async def _chunks(reader):
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(parts)


def request(method, path, headers=None, body=b"", host="localhost"):
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


class Client:
    """Requests to one address over connections that are kept."""

    def __init__(self, port, host="127.0.0.1", source=None, tls=None, server_name=None):
        self._address = {"host": host, "port": port, "limit": HEAD_MAX}
        if source:
            self._address["local_addr"] = (source, 0)
        if tls:
            self._address.update(ssl=tls, server_hostname=server_name)
        self._idle = []

    async def call(self, method, path, headers=None, body=b"", host="localhost", timeout=60.0):
        """The response; Broken if there is none."""
        writer = None
        try:
            async with asyncio.timeout(timeout):
                reader, writer = await self._connection()
                writer.write(request(method, path, headers, body, host))
                response = await read(reader)
        except (OSError, TimeoutError, Broken, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            if writer:
                writer.transport.abort()
            raise Broken(str(error) or type(error).__name__) from error
        except asyncio.CancelledError:
            if writer:
                writer.transport.abort()
            raise
        if response is None:
            writer.transport.abort()
            raise Broken("the connection was closed without an answer")
        if response.headers.get("connection", "").lower() == "close":
            writer.close()
        else:
            self._idle.append((reader, writer))
        return response

    async def _connection(self):
        while self._idle:
            reader, writer = self._idle.pop()
            if not (reader.at_eof() or writer.is_closing()):
                return reader, writer
            writer.close()
        return await asyncio.open_connection(**self._address)

    def close(self):
        """Cuts the kept connections."""
        for _, writer in self._idle:
            writer.transport.abort()
        self._idle.clear()


async def serve(port, answer):
    """Serves on loopback; `answer(message)` returns (status, content type, body)."""

    async def connection(reader, writer):
        try:
            while (message := await read(reader)) is not None:
                status, kind, body = await answer(message)
                head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode("latin-1") + body)
                await writer.drain()
        except (OSError, Broken, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(connection, "127.0.0.1", port, limit=HEAD_MAX, backlog=512)
