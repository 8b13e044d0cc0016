"""Objects as answers to HTTP requests, and a cloud that lives as long as the application.

``omnicloud.web.fastapi`` (also for Starlette), ``omnicloud.web.litestar`` and
``omnicloud.web.aiohttp`` are for those frameworks; this module needs none.
"""

from omnicloud.web.asgi import ObjectResponse

__all__ = ["ObjectResponse"]
