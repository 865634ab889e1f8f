"""What a request passes before it is read: ASGI layers, one each."""
