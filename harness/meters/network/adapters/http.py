"""Read a plug or meter that answers in JSON over HTTP, like those of Shelly and Tasmota."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from harness.core.errors import shorten
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.clients.http import status_text
from harness.meters.network.device_map import DeviceMap
from harness.meters.network.http_meter import HttpMeter
from harness.meters.network.json_answers import at

OK, NOT_FOUND = 200, 404
IDENTITY_POINTERS = {"model": "/model", "app": "/app", "firmware": "/ver", "serial": "/mac"}
MAX_SHOWN = 60


class Http(HttpMeter):
    """A plug or meter that answers in JSON over HTTP (Shelly, Tasmota, or a map of your own).

    Each path is asked once a poll, however many numbers it holds.
    """

    protocol = "http"
    remedy = "Open http://HOST/ in a browser: the device must answer from this machine."

    def connect(self) -> None:
        """Ask the paths by which devices are recognised; a device need not have any of them."""
        self.identity = {}
        if self.map is not None:
            self._identify(self.map)

    def recognises(self, device_map: DeviceMap) -> bool:
        """Return whether the path of a map answers with what the map says."""
        return self._identify(device_map)

    def document(self, path: str) -> Any:
        """Return the JSON at a path.

        Raises:
            PeerFailed: The device gives none.
        """
        return self.client.get_json(self._with_login(path))

    def _identify(self, device_map: DeviceMap) -> bool:
        """Ask a device what it is; return whether it is what a map describes.

        Raises:
            PeerFailed: The device does not answer at all.
        """
        if device_map.detect is None or device_map.matches is None:
            return False
        answer = self.client.request("GET", self._with_login(str(device_map.detect["path"])))
        if answer.status == NOT_FOUND:
            return False
        if answer.status != OK:
            raise PeerFailed(status_text(answer.status))
        text = answer.body.decode("utf-8", "replace")
        if not device_map.matches.search(text):
            return False
        document = answer.json()
        for name, pointer in IDENTITY_POINTERS.items():
            value = at(document, pointer)
            if isinstance(value, str | int):
                self.identity[name] = shorten(re.sub(r"\s+", " ", str(value)), MAX_SHOWN)
        return True

    def _with_login(self, path: str) -> str:
        """Return a path with the login that Tasmota takes in the query."""
        if not (self.user and path.startswith("/cm?")):
            return path
        return f"{path}&{urlencode({'user': self.user, 'password': self.password})}"

    def _stamp_age_s(self, refresh_s: float) -> float:
        """Return how old a stamp may be: plugs state their time in whole seconds."""
        return max(refresh_s, 1.0)


METER = Http
