"""A broker that is settling who does what is waited for; one that says no is believed."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from hailstream.errors import HailstreamError
from hailstream.replay.broker import patiently
from hailstream.settings import Settings


@pytest.mark.parametrize("code", [KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE])
def test_a_group_whose_coordinator_is_being_found_is_asked_for_again(code: int) -> None:
    answers: list[object] = [KafkaException(KafkaError(code)), "an answer"]

    def request() -> object:
        answer = answers.pop(0)
        if isinstance(answer, KafkaException):
            raise answer
        return answer

    assert patiently(request, Settings(), lambda _: None) == "an answer"


def test_a_refusal_is_told_at_once() -> None:
    def request() -> object:
        raise KafkaException(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED))

    with pytest.raises(HailstreamError, match=r"Kafka at .*authoriz"):
        patiently(request, Settings(), lambda _: None)
