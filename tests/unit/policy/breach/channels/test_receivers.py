"""The receivers that the tests of channels stand on."""

from __future__ import annotations

import smtplib
from collections import deque
from http.client import HTTPConnection, HTTPSConnection

import pytest
from tests._receivers import Answer, http_receiver, mail_server


@pytest.mark.parametrize("encryption", ["none", "starttls", "tls"])
def test_mail_arrives(encryption: str) -> None:
    """What is sent is there as it was sent, by whatever encryption, and refusals are as scripted."""
    with mail_server(encryption=encryption) as server:
        server.refused["no@x.example"] = "550 5.1.1 nobody"
        server.replies["DATA"] = deque(["451 4.3.0 later"])
        client = (
            smtplib.SMTP_SSL("localhost", server.port, timeout=5, context=server.trust)
            if encryption == "tls"
            else smtplib.SMTP("localhost", server.port, timeout=5)
        )
        with client:
            if encryption == "starttls":
                client.starttls(context=server.trust)
            with pytest.raises(smtplib.SMTPDataError):
                client.sendmail("a@x.example", ["b@x.example"], b"Subject: x\r\n\r\nx\r\n")
            refused = client.sendmail("a@x.example", ["b@x.example", "no@x.example"], b"Subject: x\r\n\r\nx\r\n")
        assert refused == {"no@x.example": (550, b"5.1.1 nobody")}
        (mail,) = server.wait_for(1)
        assert mail.recipients == ("b@x.example",)
        assert mail.was_encrypted is (encryption != "none")
        server.restart()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()


def test_webhooks_arrive() -> None:
    """What is posted is there as it was posted, and the answers are as scripted."""
    with http_receiver(tls=True) as server:
        server.answers.append(Answer(503, {"Retry-After": "7"}, b"busy"))
        client = HTTPSConnection("localhost", server.port, timeout=5, context=server.trust)
        for status in (503, 204):
            client.request("POST", "/hook", b"{}", {"webhook-id": "m"})
            with client.getresponse() as response:
                response.read()
                assert response.status == status
        client.close()
        assert [one.id for one in server.wait_for(2)] == ["m", "m"]
        assert [len(server.accepted), server.connections] == [1, 1]
        server.stop()
        with pytest.raises(ConnectionError):
            client.connect()


def test_dribbling_never_ends() -> None:
    """A server that dribbles is never silent for long, and never done."""
    with http_receiver() as server:
        server.always = Answer(200, way="dribble")
        client = HTTPConnection("127.0.0.1", server.port, timeout=5)
        client.request("POST", "/hook", b"{}")
        assert client.sock.recv(64)
        assert client.sock.recv(64)
        client.close()
