"""A model that does what it reads: an endpoint like that of OpenAI, for n8n's agent.

It calls the tool that the newest message of a person or a tool asks for, as `call NAME with {…}`, and else says so.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ObedientModel:
    """What it was offered and what it called."""

    def __init__(self) -> None:
        self.url = ""
        self.offered: list[set[str]] = []
        self.orders: list[str] = []

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the next message of the assistant."""
        # n8n puts the name of its node before that of the tool.
        names = [tool["function"]["name"] for tool in request.get("tools", [])]
        tools = {name.partition("MCP_")[2] or name: name for name in names}
        self.offered.append(set(tools))
        content = request["messages"][-1].get("content") or ""
        text = content if isinstance(content, str) else json.dumps(content)
        match = re.search(r"call (\w+) with (.+?) now", text.replace("\\", ""))  # JSON in JSON
        if match is None:
            return {"role": "assistant", "content": "Done."}
        self.orders.append(match[1])
        if match[1] not in tools:
            return {"role": "assistant", "content": f"I have no tool {match[1]}."}
        call = {"id": f"call_{len(self.offered)}", "type": "function"}
        return {
            "role": "assistant", "content": None,
            "tool_calls": [call | {"function": {"name": tools[match[1]], "arguments": match[2]}}],
        }  # fmt: skip


@contextmanager
def obedient_model() -> Iterator[ObedientModel]:
    """Serve the model on a free port."""
    model = ObedientModel()

    class Endpoint(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            message = model.answer(request)
            reason = "tool_calls" if "tool_calls" in message else "stop"
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            shell = {"id": "chatcmpl-1", "created": 1, "model": "stub", "usage": usage}
            if request.get("stream"):
                for number, call in enumerate(message.get("tool_calls", [])):
                    call["index"] = number
                chunk = shell | {
                    "object": "chat.completion.chunk",
                    "choices": [{"index": 0, "delta": message, "finish_reason": reason}],
                }
                content, kind = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode(), "text/event-stream"
            else:
                choice = {"index": 0, "message": message, "finish_reason": reason}
                content = json.dumps(shell | {"object": "chat.completion", "choices": [choice]}).encode()
                kind = "application/json"
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        model.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield model
        finally:
            server.shutdown()
