"""The model gateway: OpenAI's HTTP API in front of model services, paid from vouchers that it can't overspend."""
