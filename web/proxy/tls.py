"""The certificate visitors see, read anew when it changes."""

import logging
import os
import ssl

import trio

log = logging.getLogger("callboard.proxy")

_LOOK_EVERY = 60.0


class Certificate:
    """`context` is for new connections; those under way keep the one they began with."""

    def __init__(self, key: str, cert: str) -> None:
        self._key = key
        self._cert = cert
        self._stamp = self._files_stamp()
        self.context = self._load()

    def reload(self) -> None:
        """Keeps the old one if the files are no good."""
        try:
            self._stamp = self._files_stamp()
            self.context = self._load()
        except OSError as error:  # ssl.SSLError is one
            log.warning("the certificate in %s cannot be used, the old one stays: %s", self._cert, error)
        else:
            log.info("certificate read from %s", self._cert)

    async def follow_files(self, every: float = _LOOK_EVERY) -> None:
        while True:
            await trio.sleep(every)
            try:
                changed = self._files_stamp() != self._stamp
            except OSError:
                continue  # about to be replaced
            if changed:
                self.reload()

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self._cert, self._key or None)
        return context

    def _files_stamp(self) -> tuple[int, ...]:
        return tuple(os.stat(path).st_mtime_ns for path in (self._cert, self._key) if path)
