"""pycurl on libcurl's multi interface: kept handles, one for each request in flight."""

import io

import common
import pycurl

given = common.Given()
work = common.Work(given)
multi = pycurl.CurlMulti()
multi.setopt(pycurl.M_MAXCONNECTS, given.in_flight)


def new_handle():
    easy = pycurl.Curl()
    easy.setopt(pycurl.HTTPHEADER,
                ["Expect:"] + [f"{name}: {value}" for name, value in given.headers.items()])
    easy.setopt(pycurl.NOSIGNAL, 1)
    easy.setopt(pycurl.PROXY, "")
    easy.setopt(pycurl.CUSTOMREQUEST, given.method)
    if given.version == "2":
        easy.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
        easy.setopt(pycurl.PIPEWAIT, 1)
    else:
        easy.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    if given.ca:
        easy.setopt(pycurl.CAINFO, given.ca)
    if given.is_batch:
        easy.setopt(pycurl.BUFFERSIZE, 512 * 1024)
    return easy


def start(easy):
    """Whether there was one more request for this handle."""
    easy.request = work.take()
    if easy.request is None:
        return False
    easy.answer = io.BytesIO()
    easy.setopt(pycurl.URL, easy.request.url)
    easy.setopt(pycurl.WRITEDATA, easy.answer)
    if easy.request.body is not None:
        easy.setopt(pycurl.POSTFIELDS, easy.request.body)
    multi.add_handle(easy)
    return True


handles = [new_handle() for _ in range(given.in_flight)]
live = sum([start(easy) for easy in handles])
while live:
    while multi.perform()[0] == pycurl.E_CALL_MULTI_PERFORM:
        pass
    left = 1
    while left:
        left, done, failed = multi.info_read()
        for easy, status in [(easy, easy.getinfo(pycurl.RESPONSE_CODE)) for easy in done] + [
                (fault[0], 0) for fault in failed]:
            multi.remove_handle(easy)
            work.finish(easy.request, status, easy.answer.getvalue())
            if not start(easy):
                live -= 1
    if live:
        wait = multi.timeout()
        multi.select(1.0 if wait < 0 else min(1.0, wait / 1000))
work.stop()
