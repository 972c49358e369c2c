"""Bound the whole of an exchange with a peer, however slowly its bytes arrive.

The time-out of a socket bounds each wait, not their sum: a peer that sends one byte a second never
exceeds it. A deadline shuts the socket down when the time is over, which ends any wait on it.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator


class PeerFailed(Exception):
    """The peer cannot be reached, answers too late, or answers with something else."""


@contextlib.contextmanager
def deadline(connection: socket.socket, timeout_s: float) -> Iterator[None]:
    """Shut a socket down if the block takes longer than its time.

    Args:
        connection: The socket that the block uses.
        timeout_s: Longest time for the whole block [s].

    Raises:
        PeerFailed: The block took too long, or the connection failed.
    """
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(timeout_s, expire)
    timer.daemon = True
    timer.start()
    try:
        yield
    except PeerFailed:
        if expired.is_set():
            raise PeerFailed(f"no whole answer within {timeout_s:g} s") from None
        raise
    except TimeoutError:
        raise PeerFailed(f"no answer within {timeout_s:g} s") from None
    except OSError as error:
        if expired.is_set():
            raise PeerFailed(f"no whole answer within {timeout_s:g} s") from None
        raise PeerFailed(reason(error)) from None
    finally:
        timer.cancel()


def connect(host: str, port: int, timeout_s: float) -> socket.socket:
    """Return a TCP connection.

    Raises:
        PeerFailed: The peer cannot be reached.
    """
    try:
        return socket.create_connection((host, port), timeout_s)
    except TimeoutError:
        raise PeerFailed(f"no connection to port {port} within {timeout_s:g} s") from None
    except (OSError, UnicodeError) as error:
        raise PeerFailed(f"no connection to port {port}: {reason(error)}") from None


def reason(error: Exception) -> str:
    """Return why a connection failed, without the address, which must enter no record."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return "the name of the host is not known"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted ({error.verify_message})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
