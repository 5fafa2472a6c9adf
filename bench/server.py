"""The nginx that a bench starts for itself."""

import os
import re
import signal
import socket
import subprocess
import time


def preamble():
    """User and modules, as this nginx needs them."""
    told = subprocess.run(["nginx", "-V"], check=True, capture_output=True, text=True).stderr
    folder = re.search(r"--modules-path=(\S+)", told)
    # As root a worker would become somebody who may not read here.
    lines = ["user root;"] if os.getuid() == 0 else []
    for name in ("ndk_http_module", "ngx_http_lua_module"):
        path = os.path.join(folder.group(1) if folder else "", name + ".so")
        if os.path.exists(path):
            lines.append(f"load_module {path};")
    return "\n".join(lines)


def free_ports(number):
    """Ports that nobody has, all at the same time."""
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Nginx:
    """with Nginx(folder, name, prefix, config, port): runs on that configuration's text, until it
    listens there; `prefix` stands before the command. Its log is new."""

    def __init__(self, folder, name, prefix, config, port):
        path = os.path.join(folder, name + ".conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(config)
        self.log = os.path.join(folder, name + ".log")
        if os.path.exists(self.log):
            os.remove(self.log)
        self.process = subprocess.Popen([*prefix, "nginx", "-p", folder + "/", "-c", path,
                                         "-e", self.log], cwd=folder)
        try:
            self._wait(port)
        except BaseException:
            self.__exit__()
            raise

    def _wait(self, port):
        for _ in range(200):
            if self.process.poll() is not None:
                raise SystemExit(f"nginx ended: see {self.log}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit(f"nginx does not listen: see {self.log}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
