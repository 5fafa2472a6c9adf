/*
 * floor.c - the least that these requests cost with libcurl: a bare client on
 * the multi interface that sends the same requests as the module, checks the
 * same answers and records the code of every id.
 *
 * Handles and the parsed URL are kept, only path or body change. Answers
 * are compared with the one form that this provider is known to send; what
 * differs is recorded as 0. There are no retries, deadlines, evidence or
 * events.
 *
 * usage: floor one|batch|stream URL FILE COUNT CONCURRENCY 1.1|2 CA|-
 */

#include <curl/curl.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MAX_ID 36
#define MAX_CODE 1000
#define BATCH 10000

/* With more connections epoll is better than poll, which looks at all of them;
 * with fewer, changing what epoll watches twice a request costs more. */
#define POLL_MOST 128

/* More room than a batch and its answer need. */
#define BODY_ROOM ((size_t)BATCH * (MAX_ID + 3) + 64)
#define ANSWER_ROOM ((size_t)BATCH * 128 + 1024)

struct transfer {
  CURL *easy;
  size_t first;
  size_t count;
  char (*ids)[MAX_ID + 1]; /* of this request */
  char (*own_ids)[MAX_ID + 1];
  char *body;
  char *answer;
  size_t answer_len;
  size_t answer_room;
  double started;
};

struct run {
  int is_batch;
  FILE *stream; /* where ids are read as they are needed */
  char (*ids)[MAX_ID + 1];
  size_t id_len;
  size_t total;
  size_t next;
  size_t batch;
  uint16_t *codes; /* one an id; NULL when streaming */
  size_t counts[MAX_CODE];
  float *latencies; /* one a request */
  size_t requests;
  long connections;
  double first_outcome;
  CURLM *multi;
  int epoll;
  long timeout; /* what libcurl's timer says: milliseconds, -1 for none */
};

static void die(const char *what) {
  fprintf(stderr, "floor: %s\n", what);
  exit(1);
}

static double now(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void) {
  struct rusage u;

  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void *claim(size_t bytes) {
  void *room = malloc(bytes);

  if (room == NULL)
    die("out of memory");
  return room;
}

/* One id of the file, and whether there was one. */
static int read_id(FILE *file, char *id) {
  char line[128];
  size_t len;

  if (fgets(line, sizeof(line), file) == NULL)
    return 0;
  len = strcspn(line, "\n");
  if (len == 0 || len > MAX_ID)
    die("an id has the wrong length");
  memcpy(id, line, len);
  id[len] = '\0';
  return 1;
}

static void load(struct run *r, const char *path) {
  size_t i;

  r->ids = claim(r->total * sizeof(*r->ids));
  r->stream = fopen(path, "r");
  if (r->stream == NULL)
    die("cannot open the file of ids");
  for (i = 0; i < r->total; i++)
    if (!read_id(r->stream, r->ids[i]))
      die("too few ids in the file");
  fclose(r->stream);
  r->stream = NULL;
  r->id_len = strlen(r->ids[0]);
}

static void record(struct run *r, size_t place, unsigned code) {
  if (r->first_outcome == 0)
    r->first_outcome = now();
  if (r->codes != NULL)
    r->codes[place] = (uint16_t)code;
  r->counts[code]++;
}

/* Compares what comes next with a literal, and steps over it. */
static int expect(const char **at, const char *end, const char *text,
                  size_t len) {
  if ((size_t)(end - *at) < len || memcmp(*at, text, len) != 0)
    return 0;
  *at += len;
  return 1;
}

#define EXPECT(at, end, literal) expect(at, end, literal, sizeof(literal) - 1)

/* Three digits; 0 for anything else. */
static unsigned read_code(const char **at, const char *end) {
  const char *p = *at;

  if (end - p < 3 || p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9' ||
      p[2] < '0' || p[2] > '9')
    return 0;
  *at = p + 3;
  return (unsigned)((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
}

/* {"data":{"messageStatus":"006","description":"...","apiMessageId":"..."}} */
static unsigned read_one(struct run *r, const struct transfer *t) {
  const char *at = t->answer, *end = t->answer + t->answer_len;
  unsigned code;

  if (!EXPECT(&at, end, "{\"data\":{\"messageStatus\":\""))
    return 0;
  code = read_code(&at, end);
  if (!EXPECT(&at, end, "\",\"description\":\""))
    return 0;
  while (at < end && *at != '"' && *at != '\\')
    at++;
  if (!EXPECT(&at, end, "\",\"apiMessageId\":\"") ||
      !expect(&at, end, t->ids[0], r->id_len) || !EXPECT(&at, end, "\"}}") ||
      at != end)
    return 0;
  return code;
}

/* {"errors":true,"items":[{"messageUuid":"...","code":200},...]}, in the order
 * asked. An answer is read to its end before anything of it is recorded. */
static void read_batch(struct run *r, const struct transfer *t) {
  static uint16_t codes[BATCH];
  const char *at = t->answer, *end = t->answer + t->answer_len;
  int is_right = EXPECT(&at, end, "{\"errors\":true,\"items\":[");
  size_t i;

  for (i = 0; i < t->count && is_right; i++) {
    is_right = (i == 0 || EXPECT(&at, end, ",")) &&
               EXPECT(&at, end, "{\"messageUuid\":\"") &&
               expect(&at, end, t->ids[i], r->id_len) &&
               EXPECT(&at, end, "\",\"code\":") &&
               (codes[i] = (uint16_t)read_code(&at, end)) != 0 &&
               EXPECT(&at, end, "}");
  }
  is_right = is_right && EXPECT(&at, end, "]}") && at == end;
  for (i = 0; i < t->count; i++)
    record(r, t->first + i, is_right ? codes[i] : 0);
}

static void finish(struct run *r, struct transfer *t, CURLcode result) {
  long status = 0, connects = 0;
  size_t i;

  r->latencies[r->requests++] = (float)(now() - t->started);
  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
  r->connections += connects;
  if (result != CURLE_OK || status != 200) {
    for (i = 0; i < t->count; i++)
      record(r, t->first + i, 0);
  } else if (r->is_batch) {
    read_batch(r, t);
  } else {
    record(r, t->first, read_one(r, t));
  }
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user) {
  struct transfer *t = user;
  size_t len = size * count;

  if (len > t->answer_room - t->answer_len)
    return 0;
  memcpy(t->answer + t->answer_len, bytes, len);
  t->answer_len += len;
  return len;
}

/* The ids of the next request; 0 when there are none left. */
static size_t take(struct run *r, struct transfer *t) {
  size_t count = r->total - r->next;

  if (count > r->batch)
    count = r->batch;
  if (r->stream != NULL) {
    size_t i;

    for (i = 0; i < count && read_id(r->stream, t->own_ids[i]); i++)
      ;
    count = i;
    t->ids = t->own_ids;
    if (count > 0)
      r->id_len = strlen(t->ids[0]);
  } else {
    t->ids = r->ids + r->next;
  }
  t->first = r->next;
  t->count = count;
  r->next += count;
  return count;
}

static size_t write_body(const struct run *r, struct transfer *t) {
  static const char open[] = "{\"uuids\":[";
  char *to = t->body;
  size_t i;

  memcpy(to, open, sizeof(open) - 1);
  to += sizeof(open) - 1;
  for (i = 0; i < t->count; i++) {
    *to++ = '"';
    memcpy(to, t->ids[i], r->id_len);
    to += r->id_len;
    *to++ = '"';
    *to++ = ',';
  }
  to[-1] = ']';
  *to++ = '}';
  return (size_t)(to - t->body);
}

static const char *prefix;
static size_t prefix_len;

/* Sends the next request of this handle; 0 when there is none. */
static int start(struct run *r, struct transfer *t) {
  if (take(r, t) == 0)
    return 0;
  t->answer_len = 0;
  if (r->is_batch) {
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)write_body(r, t));
  } else {
    /* The URL stays: nothing is parsed again for another id in its path. */
    memcpy(t->body + prefix_len, t->ids[0], r->id_len + 1);
    curl_easy_setopt(t->easy, CURLOPT_REQUEST_TARGET, t->body);
  }
  t->started = now();
  if (curl_multi_add_handle(r->multi, t->easy) != CURLM_OK)
    die("cannot add a handle");
  return 1;
}

static struct transfer *transfer_new(struct run *r, CURLU *base, int is_http2,
                                     const char *ca,
                                     struct curl_slist *headers) {
  struct transfer *t = claim(sizeof(*t));

  memset(t, 0, sizeof(*t));
  t->easy = curl_easy_init();
  if (t->easy == NULL)
    die("out of memory");
  t->body = claim(r->is_batch ? BODY_ROOM : prefix_len + MAX_ID + 1);
  t->answer_room = r->is_batch ? ANSWER_ROOM : 4096;
  t->answer = claim(t->answer_room);
  if (r->stream != NULL)
    t->own_ids = claim(r->batch * sizeof(*t->own_ids));

  curl_easy_setopt(t->easy, CURLOPT_CURLU, base);
  curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
  curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
  curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
  curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION,
                   is_http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, (long)is_http2);
  if (ca != NULL)
    curl_easy_setopt(t->easy, CURLOPT_CAINFO, ca);
  if (r->is_batch) {
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body);
    curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, 1024L * 1024);
    curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, 512L * 1024);
  } else {
    memcpy(t->body, prefix, prefix_len);
    curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
  }
  return t;
}

/* Takes what is finished; the handle goes on with the next request. */
static size_t harvest(struct run *r) {
  CURLMsg *message;
  size_t ended = 0;
  int left;

  while ((message = curl_multi_info_read(r->multi, &left)) != NULL) {
    CURLcode result = message->data.result;
    CURL *easy = message->easy_handle;
    char *private = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    curl_multi_remove_handle(r->multi, easy);
    finish(r, (struct transfer *)(void *)private, result);
    ended += !start(r, (struct transfer *)(void *)private);
  }
  return ended;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user,
                     void *seen) {
  struct run *r = user;
  struct epoll_event event = {0};

  (void)easy;
  event.data.fd = fd;
  if (what == CURL_POLL_REMOVE) {
    /* It may be closed already, and is not watched then. */
    epoll_ctl(r->epoll, EPOLL_CTL_DEL, fd, &event);
    return 0;
  }
  event.events = ((what & CURL_POLL_IN) ? EPOLLIN : 0u) |
                 ((what & CURL_POLL_OUT) ? EPOLLOUT : 0u);
  if (seen == NULL) {
    epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event);
    curl_multi_assign(r->multi, fd, r);
  } else {
    epoll_ctl(r->epoll, EPOLL_CTL_MOD, fd, &event);
  }
  return 0;
}

static int on_timer(CURLM *multi, long timeout, void *user) {
  struct run *r = user;

  (void)multi;
  r->timeout = timeout;
  return 0;
}

static void drive_epoll(struct run *r, size_t live) {
  struct epoll_event events[256];
  int running;

  while (live > 0) {
    int i, count;

    if (r->timeout == 0) {
      r->timeout = -1;
      curl_multi_socket_action(r->multi, CURL_SOCKET_TIMEOUT, 0, &running);
      live -= harvest(r);
      continue;
    }
    count = epoll_wait(r->epoll, events, 256, (int)r->timeout);
    if (count < 0 && errno != EINTR)
      die("epoll_wait failed");
    if (count == 0)
      r->timeout = 0;
    for (i = 0; i < count; i++)
      curl_multi_socket_action(
          r->multi, events[i].data.fd,
          ((events[i].events & (EPOLLIN | EPOLLHUP)) ? CURL_CSELECT_IN : 0) |
              ((events[i].events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
              ((events[i].events & EPOLLERR) ? CURL_CSELECT_ERR : 0),
          &running);
    live -= harvest(r);
  }
}

static void drive_poll(struct run *r, size_t live) {
  int running;

  while (live > 0) {
    size_t ended;

    if (curl_multi_perform(r->multi, &running) != CURLM_OK)
      die("curl_multi_perform failed");
    ended = harvest(r);
    live -= ended;
    if (live > 0 && curl_multi_poll(r->multi, NULL, 0, 1000, NULL) != CURLM_OK)
      die("curl_multi_poll failed");
  }
}

static int compare(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;

  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  static struct run run;
  struct run *r = &run;
  struct curl_slist *headers = NULL;
  int is_epoll;
  size_t concurrency, live = 0, i;
  double started, ended, used;
  CURLU *base = curl_url();
  char *path = NULL;

  if (argc != 8)
    die("usage: floor one|batch|stream URL FILE COUNT CONCURRENCY 1.1|2 CA|-");
  r->is_batch = strcmp(argv[1], "one") != 0;
  r->total = strtoul(argv[4], NULL, 10);
  r->batch = r->is_batch ? BATCH : 1;
  concurrency = strtoul(argv[5], NULL, 10);
  if (r->total == 0 || concurrency == 0)
    die("COUNT and CONCURRENCY are at least 1");

  is_epoll = concurrency > POLL_MOST;
  if (strcmp(argv[1], "stream") != 0) {
    load(r, argv[3]);
    r->codes = claim(r->total * sizeof(*r->codes));
  }
  r->latencies = claim((r->total / r->batch + 1) * sizeof(*r->latencies));

  if (base == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
      curl_url_set(base, CURLUPART_URL, argv[2], 0) != CURLUE_OK ||
      curl_url_get(base, CURLUPART_PATH, &path, 0) != CURLUE_OK)
    die("cannot set up libcurl");
  prefix = path;
  prefix_len = strlen(path);
  r->multi = curl_multi_init();
  curl_multi_setopt(r->multi, CURLMOPT_MAXCONNECTS, (long)concurrency);
  if (is_epoll) {
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    r->timeout = -1;
    curl_multi_setopt(r->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(r->multi, CURLMOPT_SOCKETDATA, r);
    curl_multi_setopt(r->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(r->multi, CURLMOPT_TIMERDATA, r);
  }
  if (r->is_batch) {
    headers = curl_slist_append(headers, "Authorization: Basic bench-token");
    headers = curl_slist_append(headers, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
  } else {
    headers = curl_slist_append(headers, "Authorization: Bearer bench-token");
    headers = curl_slist_append(headers, "X-Version: 1");
    headers = curl_slist_append(headers, "Accept: application/json");
  }

  used = cpu();
  started = now();
  if (strcmp(argv[1], "stream") == 0) {
    r->stream = fopen(argv[3], "r");
    if (r->stream == NULL)
      die("cannot open the file of ids");
  }
  for (i = 0; i < concurrency; i++)
    live += start(r, transfer_new(r, base, strcmp(argv[6], "2") == 0,
                                  argv[7][0] == '-' ? NULL : argv[7], headers));
  if (is_epoll)
    drive_epoll(r, live);
  else
    drive_poll(r, live);
  ended = now();
  used = cpu() - used;

  qsort(r->latencies, r->requests, sizeof(*r->latencies), compare);
  printf("elapsed=%.6f cpu=%.6f first=%.6f p50=%.6f p99=%.6f requests=%zu "
         "connections=%ld",
         ended - started, used, r->first_outcome - started,
         (double)r->latencies[r->requests / 2],
         (double)r->latencies[r->requests * 99 / 100], r->requests,
         r->connections);
  printf(" stopped=%zu too_late=%zu\n", r->counts[r->is_batch ? 200 : 6],
         r->counts[r->is_batch ? 403 : 3]);
  return 0;
}
