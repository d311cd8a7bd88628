"""How a price answers demand: the parameters, their ranges, and the message that sets them."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from hailstream.domain.surge.scope import check_scope
from hailstream.errors import HailstreamError

_LONGEST_SHOWN: Final = 60


class PolicyError(HailstreamError):
    """A policy that cannot be; names each wrong field, its value and what is allowed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, hint="`hailstream surge policy set --help` lists the parameters", exit_code=2)


def _in_tenths(value: float) -> float:
    if abs(value * 10 - round(value * 10)) > 1e-9:
        raise ValueError("not in steps of 0.1")
    return round(value, 1)


Tenths = Annotated[float, AfterValidator(_in_tenths)]


class Policy(BaseModel):
    """The parameters of the price of a zone. Multipliers move in steps of 0.1 from 1.0 up.

    The ranges of ``cap`` and ``max_change`` let every price come down to 1.0 within 40
    minutes; a zone without trips is forgotten after 60.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    scope: Annotated[str, AfterValidator(check_scope)] = Field(description="where it holds")
    revision: int = Field(0, ge=0, le=2**53, description="number of the change that made it; 0: not numbered")
    enabled: bool = Field(True, description="off: the price is 1.0 at once")
    sensitivity: float = Field(0.5, ge=0, le=10, description="multiplier per unit of ratio above the threshold")
    threshold: float = Field(1.0, ge=0, le=100, description="ratio of demand to supply up to which the price is 1.0")
    half_life_minutes: float = Field(
        3.0, ge=0.5, le=60, description="after which a change of the ratio shows by half in the smoothed ratio"
    )
    hysteresis: float = Field(
        0.2, ge=0.05, le=1, description="distance from its target, as a multiplier, at which the price stays"
    )
    cap: Tenths = Field(3.0, ge=1, le=5, description="highest multiplier")
    max_change: Tenths = Field(0.2, ge=0.1, le=4, description="most that the multiplier moves in a minute")
    min_samples: int = Field(
        8, ge=1, le=1000, description="fewer starts in five minutes say nothing: the target is 1.0"
    )

    @property
    def label(self) -> str:
        """Scope and revision, ``borough:Queens#7``."""
        return f"{self.scope}#{self.revision}" if self.revision else self.scope


#: All fields but those that say which policy it is.
PARAMETERS: Final = tuple(name for name in Policy.model_fields if name not in ("scope", "revision"))


def make_policy(**fields: Any) -> Policy:
    """A policy; what is not given has its default.

    Raises:
        PolicyError: a field is unknown or wrong, or ``scope`` is missing.
    """
    try:
        return Policy(**fields)
    except ValidationError as error:
        raise PolicyError(_message(error)) from None


def parse_policy(value: bytes, key: bytes | None = None) -> Policy:
    """The policy in a message: a JSON object of the fields of :class:`Policy`, UTF-8.

    Args:
        value: the message's value.
        key: the message's key, which must be the scope; not looked at if None.

    Raises:
        PolicyError: it is no policy, or its key names another scope.
    """
    try:
        policy = Policy.model_validate_json(value)
    except ValidationError as error:
        raise PolicyError(_message(error)) from None
    if key is not None and key != policy.scope.encode():
        raise PolicyError(
            f"wrong policy: the key {_shown(key.decode(errors='replace'))} is not its scope {policy.scope}"
        )
    return policy


def write_policy(policy: Policy) -> bytes:
    """The message that :func:`parse_policy` reads."""
    return policy.model_dump_json().encode()


def _message(error: ValidationError) -> str:
    return "wrong policy: " + "; ".join(_problem(each) for each in error.errors(include_url=False))


def _problem(error: ErrorDetails) -> str:
    if not error["loc"]:
        return f"not a JSON object: {error['msg']}"
    name = str(error["loc"][0])
    if error["type"] == "missing":
        return f"{name} is missing"
    if error["type"] == "extra_forbidden":
        return f"there is no parameter {_shown(name)}"
    if name == "scope" and error["type"] == "value_error":
        return f"scope: {error['ctx']['error']}"
    return f"{name} {_shown(error['input'])} must be {allowed(name)}"


def allowed(name: str) -> str:
    """What a field may be, in words."""
    field = Policy.model_fields[name]
    if field.annotation is bool:
        return "true or false"
    if field.annotation is str:
        return "a text"
    low = next(each.ge for each in field.metadata if hasattr(each, "ge"))
    high = next(each.le for each in field.metadata if hasattr(each, "le"))
    kind = "a whole number" if field.annotation is int else "a number"
    steps = " in steps of 0.1" if any(isinstance(each, AfterValidator) for each in field.metadata) else ""
    return f"{kind} from {low} to {high}{steps}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
