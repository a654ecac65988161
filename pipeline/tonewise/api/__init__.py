"""The HTTP interfaces under /v1, for clients of OpenAI and Anthropic, and for the operator."""
