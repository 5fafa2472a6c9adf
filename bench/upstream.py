"""The server: nginx with one worker, which answers as two providers do.

Clickatell's answer to a DELETE is put together by `return`. Revicom's answers to batches are files,
made beforehand and found by the first uuid of the body: writing them for each request would keep
the server busier than the clients.
"""

import os
import re
import signal
import socket
import subprocess
import time

TOKEN = "bench-token"

CONFIG = """
daemon off;
{user}worker_processes 1;
error_log error.log warn;
pid nginx.pid;
{modules}
events {{ worker_connections 4096; multi_accept on; }}
http {{
  access_log off;
  default_type application/json;
  types {{ }}
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 120s;
  open_file_cache max=4096 inactive=1h;
  open_file_cache_valid 1h;
  client_max_body_size 2m;
  client_body_buffer_size 1m;
  client_body_in_single_buffer on;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  ssl_certificate {certificate};
  ssl_certificate_key {key};
  ssl_session_cache shared:tls:1m;
  http2_max_concurrent_streams 256;

  map $tail $status_word {{ default 006; 00 003; }}
  map $tail $description {{
    default "User cancelled message delivery";
    00 "Delivered to gateway";
  }}
  map $request_body $answer {{
    default /answers/none;
    "~^\\{{\\"uuids\\":\\[\\"(?<first>[0-9a-f-]+)\\"" /answers/$first.json;
  }}
  map "$request_method $http_authorization" $is_allowed {{
    default 0;
    "DELETE Bearer {token}" 1;
    "POST Basic {token}" 1;
  }}

  server {{
    listen 127.0.0.1:{plain} backlog=1024 rcvbuf=4m sndbuf=4m;
    listen 127.0.0.1:{tls} ssl http2 backlog=1024 rcvbuf=4m sndbuf=4m;
    root {folder};

    location ~ "^/rest/message/(?<id>[0-9a-f]{{30}}(?<tail>..))$" {{
      if ($is_allowed = 0) {{ return 401; }}
      return 200 '{{"data":{{"messageStatus":"$status_word","description":"$description","apiMessageId":"$id"}}}}';
    }}
    location ~ "^/slow/rest/message/(?<id>[0-9a-f]{{30}}(?<tail>..))$" {{
      if ($is_allowed = 0) {{ return 401; }}
      content_by_lua_block {{
        local v = ngx.var
        ngx.sleep(0.05)
        ngx.print('{{"data":{{"messageStatus":"', v.status_word, '","description":"',
          v.description, '","apiMessageId":"', v.id, '"}}}}')
      }}
    }}
    location = /api/v1/message/stop {{
      if ($is_allowed = 0) {{ return 401; }}
      lua_need_request_body on;
      rewrite_by_lua_block {{
        local answer = ngx.var.answer
        ngx.req.set_method(ngx.HTTP_GET)
        ngx.req.set_uri(answer, true)
      }}
    }}
    location /answers/ {{
      internal;
    }}
  }}
}}
"""


def modules():
    """load_module lines: where nginx keeps its modules it says itself."""
    told = subprocess.run(["nginx", "-V"], check=True, capture_output=True, text=True).stderr
    folder = re.search(r"--modules-path=(\S+)", told).group(1)
    return "\n".join(f"load_module {folder}/{name}.so;"
                     for name in ("ndk_http_module", "ngx_http_lua_module"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def certificate(folder):
    """A certificate for 127.0.0.1 that is its own authority."""
    path, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
    if not os.path.exists(path):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", path],
            check=True, stderr=subprocess.DEVNULL)
    return path, key


class Upstream:
    """with Upstream(folder, core) as server: server.plain, server.tls are its base URLs."""

    def __init__(self, folder, core):
        self.folder = os.path.abspath(folder)
        self.ca, key = certificate(self.folder)
        plain, tls = free_port(), free_port()
        self.plain = f"http://127.0.0.1:{plain}"
        self.tls = f"https://127.0.0.1:{tls}"
        config = os.path.join(self.folder, "nginx.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(CONFIG.format(
                # As root a worker would become somebody who may not read here.
                user="user root;\n" if os.getuid() == 0 else "",
                modules=modules(), certificate=self.ca,
                key=key, token=TOKEN, plain=plain, tls=tls, folder=self.folder))
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), "nginx", "-p", self.folder, "-c", config,
             "-e", os.path.join(self.folder, "error.log")])
        self._wait(plain)

    def _wait(self, port):
        for _ in range(100):
            if self.process.poll() is not None:
                raise SystemExit(f"nginx ended: see {self.folder}/error.log")
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit("nginx does not listen")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
