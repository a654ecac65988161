"""How clients of Anthropic's Messages API speak, at /v1/messages."""

from typing import Literal

from tonewise.dialects import claude_request, messages_answer, messages_request
from tonewise.dialects.fields import Json


class _Messages:
    name = "messages"
    upstream: Literal["messages"] = "messages"
    headers = ("anthropic-version", "anthropic-beta")
    errors_like: Literal["openai", "anthropic"] = "anthropic"

    def to_chat(self, body: Json) -> Json:
        """The request as chat completions have it.

        Raises:
            DialectError: names the field that cannot be read, or not be carried over.
        """
        return messages_request.to_chat(body)

    def own(self, body: Json) -> Json:
        """A request that goes to Anthropic as it is, but for thoughts that are not Claude's own."""
        return claude_request.for_claude(body)

    def whole(self, completion: Json, body: Json) -> Json:
        """A whole chat completion as a Message."""
        return messages_answer.whole(completion, body)

    def writer(self, body: Json) -> messages_answer.Writer:
        """Tells one streamed answer."""
        return messages_answer.Writer(body)


MESSAGES = _Messages()
