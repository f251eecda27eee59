"""Run a Jupyter server with the platform's kernel classes: `python serve.py <folder> <keep kernels: 0 or 1>`.

With `TEST_RECORDS_DIR` kernels in pods are left to the next server, which finds them by what is noted there.
It prints its address when it is ready. `/test/nodelay` says for each kernel websocket whether TCP_NODELAY is set.
"""

from __future__ import annotations

import json
import os
import socket
import sys

from jupyter_server.serverapp import ServerApp
from tornado.web import RequestHandler
from traitlets.config import Config

from kernels.server_extension import server_configuration
from kernels.websocket import PlatformWebsocketConnection


class NodelayHandler(RequestHandler):
    def get(self) -> None:
        sockets = [c.websocket_handler.ws_connection.stream.socket for c in PlatformWebsocketConnection._open_sockets]
        self.write(json.dumps([s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0 for s in sockets]))


def main(folder: str, keep_kernels: bool) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = Config(server_configuration(keep_kernels=keep_kernels))
    config.ServerApp.update(
        {
            "root_dir": folder,
            "port": port,
            "ip": "127.0.0.1",
            "open_browser": False,
            "allow_root": True,
            "log_level": "WARN",
        }
    )
    config.IdentityProvider.token = "test"
    config.SessionManager.database_filepath = f"{folder}/sessions.sqlite"
    config.PlatformKernelManager.cull_interval = 1
    if folder_of_records := os.environ.get("TEST_RECORDS_DIR"):
        config.PlatformKernelManager.records_dir = folder_of_records
        config.PlatformKernelManager.leave_pods = True
    app = ServerApp(config=config)
    app.initialize(argv=[])
    app.web_app.add_handlers(".*", [("/test/nodelay", NodelayHandler)])
    app.io_loop.add_callback(lambda: print(f"http://127.0.0.1:{port}", flush=True))
    app.start()


main(sys.argv[1], sys.argv[2] == "1")
