"""A real Chromium, spoken to over its debugging protocol: what a page complains of, asks for, and how wide it is."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websocket import create_connection

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)
LOOK = """({title: document.title, text: document.body.innerText, wide: document.documentElement.scrollWidth,
 links: [...document.links].map(a => a.getAttribute("href")),
 ids: [...document.querySelectorAll("[id]")].map(e => e.id),
 images: [...document.images].map(i => [i.alt, i.complete && i.naturalWidth > 0]),
 back: getComputedStyle(document.documentElement).backgroundColor})"""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A page as the browser shows it."""

    title: str
    text: str
    wide: int
    """pixels that the content needs"""
    links: list[str]
    ids: list[str]
    images: list[tuple[str, bool]]
    """text alternative, and whether the picture can be seen"""
    back: str
    """colour behind the page"""
    complaints: list[str]
    """console messages and exceptions"""
    requests: list[str]
    """whatever was asked for but the page itself and what lies inside it"""


class Browser:
    """One Chromium with one tab."""

    def __init__(self, chromium: str, profile: Path) -> None:
        command = [chromium, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = self._port(profile / "DevToolsActivePort")
        self.socket = create_connection(f"ws://127.0.0.1:{port[0]}{port[1]}", timeout=60)
        self.asked, self.events, self.session = 0, [], ""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(timeout=30)

    def _port(self, file: Path) -> list[str]:
        end = time.monotonic() + 60
        while not (file.exists() and file.read_text().count("\n")):
            assert self.process.poll() is None, "Chromium ended"
            assert time.monotonic() < end, "Chromium does not answer"
            time.sleep(0.05)
        return file.read_text().splitlines()

    def ask(self, method: str, **parameters: Any) -> Any:
        """Send a command and wait for its answer; keep the events that come meanwhile."""
        self.asked += 1
        message = {"id": self.asked, "method": method, "params": parameters}
        self.socket.send(json.dumps(message | ({"sessionId": self.session} if self.session else {})))
        while (answer := json.loads(self.socket.recv())).get("id") != self.asked:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def look(self, file: Path, width: int, *, dark: bool = False) -> Seen:
        """Open a page at a width and read it."""
        self.events.clear()
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=width < 600
        )
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=features)
        self.ask("Page.navigate", url=file.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(json.loads(self.socket.recv()))
        found = self.ask("Runtime.evaluate", expression=LOOK, returnByValue=True)["result"]["value"]
        complaints, requests = self._heard("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"), []
        for event in self._heard("Network.requestWillBeSent"):
            url = json.loads(event)["request"]["url"]
            requests += [url] if not url.startswith("data:") and url != file.as_uri() else []
        return Seen(**found, complaints=complaints, requests=requests)

    def _heard(self, *methods: str) -> list[str]:
        return [json.dumps(event["params"]) for event in self.events if event.get("method") in methods]

    def picture(self, target: Path) -> None:
        """Write the whole page as a PNG."""
        shot = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        target.write_bytes(base64.b64decode(shot["data"]))
