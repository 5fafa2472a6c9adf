"""The server: nginx with one worker, which answers as two providers do.

Clickatell's answer to a DELETE is put together by `return`. Revicom's answers to batches are files,
made beforehand and found by the first uuid of the body: writing them for each request would keep
the server busier than the clients.
"""

import os
import subprocess

import server

TOKEN = "bench-token"

CONFIG = """
daemon off;
{preamble}
worker_processes 1;
error_log error.log warn;
pid nginx.pid;
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


class Upstream(server.Nginx):
    """with Upstream(folder, core) as server: server.plain, server.tls are its base URLs."""

    def __init__(self, folder, core):
        self.folder = os.path.abspath(folder)
        self.ca, key = certificate(self.folder)
        plain, tls = server.free_ports(2)
        self.plain = f"http://127.0.0.1:{plain}"
        self.tls = f"https://127.0.0.1:{tls}"
        config = CONFIG.format(preamble=server.preamble(), certificate=self.ca, key=key,
                               token=TOKEN, plain=plain, tls=tls, folder=self.folder)
        super().__init__(self.folder, "nginx", ["taskset", "-c", str(core)], config, plain)
