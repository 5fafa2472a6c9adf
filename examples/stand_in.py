"""A provider's server to try a definition against: python3 stand_in.py PORT STATUS BODY

It shows each request, and answers all of them with this status and body, in which {id} is the last
part of the request's path. With port 0 it takes a free one.
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

PORT, STATUS, BODY = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


class StandIn(BaseHTTPRequestHandler):
    def answer(self):
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        print(self.requestline, asked, flush=True)
        body = BODY.replace("{id}", self.path.split("?")[0].rsplit("/", 1)[-1]).encode()
        self.send_response(STATUS)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", PORT), StandIn)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
