"""Tests of voi.cli.transport: addresses with the wrong scheme, and unknown certificates."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from tests.certificate import write_certificate
from voi.cli.api import ApiClient
from voi.cli.failures import Unreachable

REFUSAL = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def read_once(connection: socket.socket) -> None:
    """Hang up on the first bytes."""
    connection.recv(4096)


def read_all(connection: socket.socket) -> None:
    """Wait for more until the other end has enough."""
    while connection.recv(4096):
        pass


class TransportTests(SynchronousTestCase):
    """A port on loopback that serves each connection as a test says; `taken` counts them."""

    def serve(self, answer: Callable[[socket.socket], None]) -> str:
        """Serve a port; its host and number."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.taken = 0

        def work() -> None:
            while True:
                connection, _ = listener.accept()
                with connection:
                    if ended:
                        return
                    self.taken += 1
                    with contextlib.suppress(OSError):
                        answer(connection)

        ended: list[bool] = []
        thread = Thread(target=work)
        thread.start()
        host = "{}:{}".format(*listener.getsockname())

        def end() -> None:
            ended.append(True)
            socket.create_connection(listener.getsockname()).close()
            thread.join()
            listener.close()

        self.addCleanup(end)
        return host

    def tls(self) -> Callable[[socket.socket], None]:
        """What answers TLS, with an unknown certificate."""
        path = Path(self.mktemp())
        write_certificate(path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)

        def answer(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as shaken:
                shaken.recv(1)

        return answer

    def refusal(self, server: str, timeout: float = 30.0) -> str:
        """Why a change is not made; it was not, so nothing is lost."""
        with self.assertRaises(Unreachable) as caught:
            ApiClient(server, "secret", timeout).change("POST", "/x")
        message: str = caught.exception.message
        self.assertFalse(caught.exception.lost, message)
        return message

    def test_https_to_a_plain_port(self) -> None:
        """The sentence names the address to use, and the request is not made again."""

        def answer(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(REFUSAL)

        host = self.serve(answer)
        self.assertIn(f"https://{host} speaks HTTP without TLS: use http://{host}", self.refusal(f"https://{host}"))
        self.assertEqual(self.taken, 1)

    def test_https_to_a_port_that_waits(self) -> None:
        """A server that waits for a line of HTTP costs one timeout, not two, and the sentence says what it may be."""
        host = self.serve(read_all)
        self.assertIn(f"use http://{host}", self.refusal(f"https://{host}", 0.05))
        self.assertEqual(self.taken, 1)

    def test_http_to_a_tls_port(self) -> None:
        """It hangs up on plain HTTP without a word; that it speaks TLS is found out."""
        host = self.serve(self.tls())
        self.assertIn(f"http://{host} speaks TLS: use https://{host}", self.refusal(f"http://{host}"))

    def test_unknown_certificate(self) -> None:
        """What is wrong with it is said, and how to make it known."""
        host = self.serve(self.tls())
        message = self.refusal(f"https://{host}")
        self.assertIn("self-signed certificate", message)
        self.assertIn("SSL_CERT_FILE", message)
        self.assertEqual(self.taken, 1)

    def test_a_server_that_hangs_up(self) -> None:
        """One that speaks neither is no TLS server: the answer may be lost, so it is asked again, then given up."""
        host = self.serve(read_once)
        with self.assertRaises(Unreachable) as caught:
            ApiClient(f"http://{host}", "secret").change("POST", "/x")
        self.assertTrue(caught.exception.lost)
        self.assertIn("is the server running", caught.exception.message)
