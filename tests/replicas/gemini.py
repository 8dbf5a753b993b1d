"""A stand-in for the Gemini API: its answer names what it was asked, and has a number of its own, so that one can see
in the chats whether an answer was lost or said twice."""

import asyncio
import itertools
import json
import re
import time

import wire

#: What a message is recognised by, through prompt and answer.
MARK = re.compile(r"№(\d+)")
#: The answer's own number.
SERIAL = re.compile(r"\[(\d+)\]")
LATENCY_SECONDS = 0.15


class Gemini:
    def __init__(self):
        self.calls = 0
        #: Seconds that it thought about what bears each mark.
        self.thought = {}
        self._serials = itertools.count(1)

    async def start(self, port):
        return await wire.serve(port, self._answer)

    async def _answer(self, request):
        if request.method == "GET":
            served = ["models/gemini-3.8-flash", "models/gemini-3.5-flash-lite"]
            return _json(200, {"models": [{"name": name} for name in served]})
        self.calls += 1
        begun = time.monotonic()
        await asyncio.sleep(LATENCY_SECONDS)
        asked = _asked(json.loads(request.body))
        for mark in asked:
            self.thought[int(mark)] = time.monotonic() - begun
        text = f"{' '.join(f'№{mark}' for mark in asked)} так [{next(self._serials)}]"
        return _json(
            200,
            {
                "candidates": [
                    {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}
                ],
                "usageMetadata": {"promptTokenCount": 900, "candidatesTokenCount": 9, "totalTokenCount": 909},
                "modelVersion": "stand-in",
            },
        )


def _asked(body):
    """The marks of questions that no answer of the bot in this prompt has named yet. Order does not tell: a question
    that came while an answer waited for its send stands before that answer."""
    said = {"user": [], "model": []}
    for content in body["contents"]:
        text = " ".join(part.get("text", "") for part in content["parts"])
        said[content.get("role", "user")] += MARK.findall(text)
    return [mark for mark in dict.fromkeys(said["user"]) if mark not in said["model"]]


def _json(status, value):
    return status, "application/json", json.dumps(value).encode()
