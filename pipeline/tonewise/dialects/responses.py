"""How clients of OpenAI's Responses API speak, at /v1/responses."""

from typing import Literal

from tonewise.dialects import responses_answer, responses_request
from tonewise.dialects.fields import Json


class _Responses:
    name = "responses"
    upstream = None
    headers = ()
    errors_like: Literal["openai", "anthropic"] = "openai"

    def to_chat(self, body: Json) -> Json:
        """The request as chat completions have it.

        Raises:
            DialectError: names the field that cannot be read, or not be carried over.
        """
        return responses_request.to_chat(body)

    def own(self, body: Json) -> Json:
        """The same: no provider is asked in this dialect."""
        return body

    def whole(self, completion: Json, body: Json) -> Json:
        """A whole chat completion as a response."""
        return responses_answer.whole(completion, body)

    def writer(self, body: Json) -> responses_answer.Writer:
        """Tells one streamed answer."""
        return responses_answer.Writer(body)


RESPONSES = _Responses()
