"""The answer to a question: what Kong concludes, and why, as values that JSON can say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from diagnose.path.gateway import Conclusion, receive
from diagnose.path.stream import StreamConclusion, receive_stream
from diagnose.path.upstream import Upstream
from diagnose.what_if.because import because
from diagnose.what_if.because_stream import because_stream
from diagnose.what_if.question import Question

SENT_ON = ("X-Real-IP", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Host")
"""The client headers of a request to the upstream, all of which an answer names."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A conclusion with its reasons, a sentence each; that of a stream listener is in the words of HTTP's."""

    conclusion: Conclusion
    reasons: tuple[str, ...]


def answer(question: Question) -> Answer:
    """What the model concludes, and why."""
    asked = question.settings, question.listener, question.traffic
    if question.stream:
        heard = receive_stream(*asked)
        return Answer(_as_of_http(heard), because_stream(*asked, heard))
    conclusion = receive(*asked)
    return Answer(conclusion, because(*asked, conclusion))


def _as_of_http(heard: StreamConclusion) -> Conclusion:
    return Conclusion(heard.status, heard.address, complaints=heard.complaints, channel=heard.channel)


def in_words(conclusion: Conclusion) -> dict[str, Any]:
    """``conclusion`` in the words of the recorded rows' ``seen``; a header that is not sent is None there."""
    return {
        "status": conclusion.status,
        "tls_handshake_failed": conclusion.tls_failed,
        "access_log_address": conclusion.address,
        "client_ip": conclusion.client_ip,
        "upstream": None if conclusion.upstream is None else _every(conclusion.upstream),
        "error_log": list(conclusion.complaints),
    }


def _every(upstream: Upstream) -> dict[str, str | None]:
    sent = dict(upstream)
    return {name: sent.get(name) for name in SENT_ON}


def document(answered: Answer) -> dict[str, Any]:
    """``answered`` as one JSON object: the words of the rows, the channel, and the reasons."""
    return {
        **in_words(answered.conclusion),
        "channel": answered.conclusion.channel,
        "because": list(answered.reasons),
    }
