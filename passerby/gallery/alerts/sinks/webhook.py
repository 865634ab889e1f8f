"""A webhook: each hit is POSTed as JSON; taken when the answer is 2xx.

With a user and password in the address (``https://ann:{PASSWORD}@...``) it is Basic authentication;
the user ``bearer`` makes of the password a bearer token.
"""

from __future__ import annotations

import base64
import http.client
import urllib.error
import urllib.request
from urllib.parse import unquote, urlsplit, urlunsplit

from passerby.gallery.alerts.sinks.sink import NotTaken, Sink

SECONDS = 10.0
"""For connecting and for each part of an answer."""


_HANDLERS = (
    urllib.request.ProxyHandler,
    urllib.request.HTTPHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
)


class Webhook(Sink):
    """One address, secrets filled in."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        self._address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        self._headers = {"Content-Type": "application/json", "User-Agent": "passerby"}
        if user.lower() == "bearer":
            self._headers["Authorization"] = f"Bearer {password}"
        elif user:
            pair = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {pair}"
        # Without redirections, which would carry personal data to where nobody sent it, and without
        # files and FTP.
        self._opener = urllib.request.OpenerDirector()
        for handler in _HANDLERS:
            self._opener.add_handler(handler())

    def send(self, hit: str, payload: str) -> None:
        """See `Sink`; the id goes as Idempotency-Key, too."""
        headers = {**self._headers, "Idempotency-Key": hit}
        request = urllib.request.Request(self._address, payload.encode(), headers, method="POST")
        try:
            with self._opener.open(request, timeout=SECONDS):
                pass
        except urllib.error.HTTPError as error:
            error.close()
            raise NotTaken(f"the server answered {error.code}") from None
        except urllib.error.URLError as error:
            raise NotTaken(_words(error.reason)) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotTaken(_words(error)) from None


def _words(error: object) -> str:
    """Without what an error says of the address."""
    if isinstance(error, TimeoutError):
        return f"no answer within {SECONDS:.0f} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"no HTTP that can be understood ({type(error).__name__})"
