/*
 * http1.c - the core's reader of HTTP/1.1 answers against llhttp, which is
 * Node's: an addon, because node hands its llhttp out to those.
 *
 *   HTTP1_RUNS=1000000 node -e 'process.dlopen({exports: {}}, FILE)' [INPUT...]
 *
 * The inputs are files, and as many answers as HTTP1_RUNS says, made from the
 * number HTTP1_SEED: answers of all framings, with parts that are wrong, and
 * bytes changed. Each is read in one piece and in several. Both readers have to
 * say the same of it: whether it is complete and where it ends, its status and
 * body, or that it is broken. Where they may differ is written down in
 * known_difference(), and counted.
 */

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../csrc/ascii.h"
#include "../../csrc/http1.h"

#define MOST ((size_t)4096)

/* What is used of llhttp 9: as much room as its parser needs and more; the
 * places of callbacks differ between its versions, and are found out. */
#define CALLBACKS 64
#define PAUSED 21
#define RESPONSE 2

typedef int callback(void *parser, const char *at, size_t len);

union parser {
  uint64_t words[64];
  void *pointer;
};

struct settings {
  callback *of[CALLBACKS];
};

void llhttp_init(union parser *p, int type, const struct settings *settings);
int llhttp_execute(union parser *p, const char *bytes, size_t len);
int llhttp_finish(union parser *p);
const char *llhttp_get_error_pos(const union parser *p);
const char *llhttp_get_error_reason(const union parser *p);
int llhttp_get_status_code(union parser *p);
int llhttp_should_keep_alive(const union parser *p);
void llhttp_set_lenient_optional_cr_before_lf(union parser *p, int enabled);
void *napi_register_module_v1(void *env, void *exports);

/* What a reader makes of an input. */
enum verdict { COMPLETE, OPEN, BROKEN };
static const char *const words[] = {"complete", "open", "broken"};

struct reading {
  enum verdict verdict;
  int status;
  int is_kept;
  int has_late_framing;   /* a trailer that would be about the framing */
  int has_two_lengths;    /* that differ */
  int is_odd;             /* the line that broke it: not as it has to be */
  int is_complete_at_end; /* should the connection end now */
  size_t used;            /* where it is complete */
  size_t body_len;
  char body[MOST];
  const char *why;
};

/* Of what is read just now. */
static struct reading *theirs;
static struct settings settings;
static int body_place, headed_place, complete_place;
static int called; /* the place whose callback was called last */

static int on_body(void *parser, const char *at, size_t len) {
  (void)parser;
  memcpy(theirs->body + theirs->body_len, at, len);
  theirs->body_len += len;
  return 0;
}

/* As Node's client has it: 1 for what has no body whatever it says. */
static int on_headed(void *parser, const char *at, size_t len) {
  int status = llhttp_get_status_code(parser);

  (void)at;
  (void)len;
  return status < 200 || status == 204 || status == 304;
}

static int on_complete(void *parser, const char *at, size_t len) {
  (void)at;
  (void)len;
  theirs->status = llhttp_get_status_code(parser);
  theirs->is_kept = llhttp_should_keep_alive(parser);
  return PAUSED;
}

static void read_theirs(const char *bytes, size_t len, int is_lenient,
                        struct reading *r) {
  static union parser p;
  size_t at = 0;
  int rc;

  theirs = r;
  memset(r, 0, sizeof(*r));
  for (;;) {
    llhttp_init(&p, RESPONSE, &settings);
    llhttp_set_lenient_optional_cr_before_lf(&p, is_lenient);
    r->status = 0;
    r->body_len = 0;
    rc = llhttp_execute(&p, bytes + at, len - at);
    /* An interim answer: the next one follows. */
    if (rc == PAUSED && r->status > 0 && r->status < 200 && r->status != 101) {
      at = (size_t)(llhttp_get_error_pos(&p) - bytes);
      continue;
    }
    break;
  }
  r->why = llhttp_get_error_reason(&p);
  if (rc == PAUSED) {
    r->verdict = COMPLETE;
    r->used = (size_t)(llhttp_get_error_pos(&p) - bytes);
  } else if (rc == 0) {
    r->verdict = OPEN;
    r->is_complete_at_end = at < len && llhttp_finish(&p) == PAUSED;
  } else {
    r->verdict = BROKEN;
  }
}

/* Whether the text is in the input, in whatever case; what is behind it. */
static const char *find(const char *bytes, size_t len, const char *text) {
  size_t i, n = strlen(text);

  for (i = 0; i + n <= len; i++)
    if (strncasecmp(bytes + i, text, n) == 0)
      return bytes + i + n;
  return NULL;
}

/* A value behind its name, without blanks. */
static const char *value_of(const char *line, size_t *len, size_t name_len) {
  line += name_len;
  *len -= name_len;
  return sm_trim(line, len);
}

/* Whether a line that was refused is really none, looked at in another way. */
static int is_odd_line(const struct sm_http1 *h) {
  static const char name[] = "transfer-encoding:";
  size_t len = h->len, i;
  const char *value;

  if (h->state == SM_HTTP1_AT_STATUS) {
    for (i = 12; i < len; i++)
      if (iscntrl((unsigned char)h->text[i]) && h->text[i] != '\t')
        return 1;
    return len < 12 || strncmp(h->text, "HTTP/1.", 7) != 0 ||
           strchr("01", h->text[7]) == NULL || h->text[8] != ' ' ||
           strspn(h->text + 9, "0123456789") < 3 || h->text[9] == '0' ||
           (len > 12 && h->text[12] != ' ');
  }
  if (len < sizeof(name) || strncasecmp(h->text, name, sizeof(name) - 1) != 0)
    return 1;
  value = value_of(h->text, &len, sizeof(name) - 1);
  return h->is_old || h->has_coding || len != 7 ||
         strncasecmp(value, "chunked", 7) != 0;
}

static void note_length(struct reading *r, const struct sm_http1 *h,
                        char *first) {
  static const char name[] = "content-length:";
  size_t len = h->len;
  const char *value;

  if (len < sizeof(name) || strncasecmp(h->text, name, sizeof(name) - 1) != 0)
    return;
  value = value_of(h->text, &len, sizeof(name) - 1);
  while (len > 1 && *value == '0') {
    value++;
    len--;
  }
  if (len >= 32)
    return;
  r->has_two_lengths |= first[0] != '\0' &&
                        (strncmp(first, value, len) != 0 || first[len] != '\0');
  (void)snprintf(first, 32, "%.*s", (int)len, value);
}

static void read_ours(const char *bytes, size_t len, size_t piece,
                      struct reading *r) {
  static struct sm_http1 h;
  static int is_made;
  enum sm_http1_event event = SM_HTTP1_MORE;
  size_t at = 0;
  char length[32] = "";

  if (!is_made)
    sm_http1_init(&h);
  is_made = 1;
  memset(r, 0, sizeof(*r));
  sm_http1_begin(&h);
  while (at < len && event == SM_HTTP1_MORE) {
    size_t left = len - at < piece ? len - at : piece, most = left;
    const char *next = bytes + at;

    do {
      event = sm_http1_next(&h, &next, &left);
      if (event == SM_HTTP1_BODY) {
        memcpy(r->body + r->body_len, h.text, h.len);
        r->body_len += h.len;
      }
      if (event == SM_HTTP1_STATUS)
        length[0] = '\0';
      if (event == SM_HTTP1_FIELD)
        note_length(r, &h, length);
      r->is_odd = event == SM_HTTP1_BAD && is_odd_line(&h);
      r->has_late_framing |= event == SM_HTTP1_TRAILER &&
                             (find(h.text, h.len, "content-length") != NULL ||
                              find(h.text, h.len, "transfer-encoding") != NULL);
    } while (event == SM_HTTP1_STATUS || event == SM_HTTP1_FIELD ||
             event == SM_HTTP1_TRAILER || event == SM_HTTP1_HEADED ||
             event == SM_HTTP1_BODY);
    at += most - left;
  }
  r->status = h.status;
  r->is_kept = h.is_kept;
  r->used = at;
  r->why = h.fault;
  r->verdict = event == SM_HTTP1_DONE   ? COMPLETE
               : event == SM_HTTP1_MORE ? OPEN
                                        : BROKEN;
  r->is_complete_at_end = event == SM_HTTP1_MORE && sm_http1_end(&h);
}

static int is_same(const struct reading *a, const struct reading *b) {
  if (a->verdict != b->verdict)
    return 0;
  if (a->verdict == BROKEN)
    return 1;
  if (a->is_complete_at_end != b->is_complete_at_end)
    return 0;
  if (a->verdict == OPEN && !a->is_complete_at_end)
    return 1;
  return a->status == b->status && a->body_len == b->body_len &&
         memcmp(a->body, b->body, a->body_len) == 0 &&
         (a->verdict == OPEN || a->used == b->used);
}

static uint64_t seed = 88172645463325252u;

static unsigned random_below(unsigned most) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (unsigned)((seed >> 16) % most);
}

static void show(const char *bytes, size_t len) {
  size_t i;

  for (i = 0; i < len; i++) {
    unsigned char c = (unsigned char)bytes[i];

    if (c == '\n')
      fprintf(stderr, "\\n\n");
    else if (c < ' ' || c > '~' || c == '\\')
      fprintf(stderr, "\\x%02x", c);
    else
      fputc(c, stderr);
  }
  fprintf(stderr, "\n");
}

/* A value behind this text, with a tab among the blanks behind it. */
static int has_tab(const char *bytes, size_t len, const char *text) {
  const char *end = bytes + len;

  while ((bytes = find(bytes, (size_t)(end - bytes), text)) != NULL) {
    const char *at = bytes;

    while (at < end && (*at == ' ' || (*at >= '0' && *at <= '9')))
      at++;
    if (at < end && *at == '\t')
      return 1;
  }
  return 0;
}

/* Where the two may differ, and why; NULL where they may not. */
static const char *known_difference(char *bytes, size_t len,
                                    const struct reading *our,
                                    const struct reading *their) {
  static struct reading lenient, other;

  if (our->verdict == BROKEN && their->verdict != BROKEN) {
    if (strcmp(our->why, "the answer's first line is malformed") == 0 &&
        our->is_odd)
      return "a first line that is stricter here";
    if (strcmp(our->why, "the answer's Transfer-Encoding is not chunked") ==
            0 &&
        our->is_odd)
      return "a Transfer-Encoding other than chunked";
    if (strcmp(our->why, "the server changed the protocol") == 0)
      return "a change of protocols";
    /* It may go on in the next one, for llhttp. */
    memcpy(bytes + len, "\r\n", 2);
    read_theirs(bytes, len + 2, 0, &other);
    if (their->verdict == OPEN && other.verdict == BROKEN)
      return "a line that llhttp looks at with the next one";
  }
  if (their->verdict == BROKEN && our->verdict != BROKEN) {
    /* libcurl takes such lines, too, and our specs hold it. */
    read_theirs(bytes, len, 1, &lenient);
    if (is_same(our, &lenient))
      return "lines that end in LF alone";
    their = &lenient; /* and perhaps something else */
  }
  if (their->verdict == BROKEN && our->verdict != BROKEN) {
    if (strstr(their->why, "Duplicate Content-Length") != NULL &&
        !our->has_two_lengths)
      return "the same length twice";
    if (our->has_late_framing && strstr(their->why, "Transfer-Encoding"))
      return "a trailer about the framing, which comes too late";
    if (strstr(their->why, "chunk extensions") != NULL)
      return "a chunk's extension, which is not looked into";
    if (strstr(their->why, "Content-Length") != NULL &&
        has_tab(bytes, len, "content-length:"))
      return "a tab behind the length";
  }
  /* A line is looked at when its end is there. */
  if (their->verdict == BROKEN && our->verdict == OPEN) {
    bytes[len] = '\n';
    read_ours(bytes, len + 1, MOST, &other);
    if (other.verdict == BROKEN || other.has_late_framing)
      return "a line whose end has not come";
  }
  if (has_tab(bytes, len, "chunked"))
    return "a tab behind chunked";
  return NULL;
}

#define KINDS 32
static struct {
  const char *name;
  unsigned long count;
} kinds[KINDS];
static unsigned long faults;

static void count(const char *name) {
  size_t i;

  for (i = 0; i < KINDS && kinds[i].name != NULL; i++)
    if (strcmp(kinds[i].name, name) == 0)
      break;
  if (i == KINDS)
    abort();
  kinds[i].name = name;
  kinds[i].count++;
}

static void judge(char *bytes, size_t len) {
  static struct reading our, pieces, their;
  const char *known;

  read_ours(bytes, len, MOST, &our);
  read_ours(bytes, len, 1 + random_below(64), &pieces);
  if (!is_same(&our, &pieces)) {
    fprintf(stderr, "pieces make a difference: %s, %s\n", words[our.verdict],
            words[pieces.verdict]);
    show(bytes, len);
    faults++;
  }
  read_theirs(bytes, len, 0, &their);
  if (is_same(&our, &their)) {
    if (our.verdict == COMPLETE && our.is_kept && !their.is_kept &&
        find(bytes, len, "proxy-connection") == NULL) {
      fprintf(stderr, "kept, where llhttp would not\n");
      show(bytes, len);
      faults++;
    }
    count(words[our.verdict]);
    return;
  }
  known = known_difference(bytes, len, &our, &their);
  if (known != NULL) {
    count(known);
    return;
  }
  fprintf(stderr,
          "ours: %s, %d, %zu used, %zu of body, end %d (%s)\n"
          "llhttp: %s, %d, %zu used, %zu of body, end %d (%s)\n",
          words[our.verdict], our.status, our.used, our.body_len,
          our.is_complete_at_end, our.why != NULL ? our.why : "",
          words[their.verdict], their.status, their.used, their.body_len,
          their.is_complete_at_end, their.why != NULL ? their.why : "");
  show(bytes, len);
  if (++faults > 20)
    _Exit(1); /* node has more to do at an exit than it can do here */
}

/* An answer that is being made. */
static char made[MOST + 2]; /* judge() may add to it */
static size_t made_len;

static void add(const char *bytes, size_t len) {
  if (made_len + len <= MOST / 2) {
    memcpy(made + made_len, bytes, len);
    made_len += len;
  }
}

static void add_text(const char *text) {
  add(text, strlen(text));
}

#define PICK(list)                                                             \
  list[random_below((unsigned)(sizeof(list) / sizeof((list)[0])))]

static const char *const first_lines[] = {
    "HTTP/1.1 200 OK",    "HTTP/1.1 200 OK",   "HTTP/1.1 200",
    "HTTP/1.1 404 No",    "HTTP/1.0 200 OK",   "HTTP/1.1 204 None",
    "HTTP/1.1 304 Same",  "HTTP/1.1 500 ",     "HTTP/1.1 101 Other",
    "HTTP/1.1 100 Go on", "HTTP/1.1 103 Hint", "HTTP/1.0 100 Go on",
    "HTTP/1.1 200OK",     "HTTP/1.1 2000 OK",  "HTTP/1.1  200 OK",
    "HTTP/2.0 200 OK",    "HTTP/0.9 200 OK",   "HTTP/1.2 200 OK",
    "http/1.1 200 OK",    "HTTP/1.1 099 Low",  "HTTP/1.1 999 High",
    "HTTP/1.1\t200 OK",   "HTTP/11 200 OK",    "HTTP/1.1 20 OK",
    "ICE/1.0 200 OK",     "HTTP/1.1 200 O\tK", "HTTP/1.1 200 \x80",
    "HTTP/1.1 205 Reset", "HTTP/1.1 201 Made", "HTTP/1.1 429 Later",
    "GET / HTTP/1.1",     " HTTP/1.1 200 OK",  "",
    "RTSP/1.0 200 OK",    "HTTP/1.1 200 \x7f", "HTTP/1.10 200 OK",
};

static const char *const lines[] = {
    "Server: x",
    "Content-Type: application/json",
    "Retry-After: 5",
    "X:",
    "X: \t ",
    "Content-Encoding: gzip",
    "Connection: close",
    "Connection: keep-alive",
    "Connection: Close",
    "Connection: x, close",
    "Connection: keep-alive, close",
    "Connection: close, keep-alive",
    "Connection: ,close",
    "Connection: upgrade",
    "Connection: closed",
    "Connection: clo se",
    "Connection:",
    "Proxy-Connection: close",
    "Upgrade: h2c",
    "Keep-Alive: 5",
    "Transfer-Encoding: chunked",
    "transfer-encoding:chunked",
    "TRANSFER-ENCODING: CHUNKED \t",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: chunkedx",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: ",
    "Transfer-Encoding: ,chunked",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding : chunked",
    "Transfer-Encodin: chunked",
    "Transfer-Encodings: chunked",
    "Content-Length: 0",
    "Content-Length: 5",
    "Content-Length: +5",
    "Content-Length: -5",
    "Content-Length: 5, 5",
    "Content-Length: 5 5",
    "Content-Length: 0x5",
    "Content-Length: 5.0",
    "Content-Length: ",
    "Content-Length: 05",
    "Content-Length: \t5 ",
    "Content-Length : 5",
    "Content-Length: 18446744073709551615",
    "Content-Length: 18446744073709551616",
    "Content-Length: 99999999999999999999999",
    "Content-Lengt: 5",
    "Content-Lengths: 5",
    "content-length:5",
    " folded",
    "\tfolded",
    " ",
    ": x",
    "X",
    "X Y: z",
    "X\tY: z",
    "X(Y): z",
    "X: a\x01b",
    "X: \x80\xff",
    "X: a\rb",
    "X: a\x7f",
    "X\x80: a",
    "HTTP/1.1 200 OK",
    "X: y\r",
    "X: \"a\\\"b\"",
};

static const char *const ends[] = {"\r\n", "\r\n",   "\r\n", "\r\n", "\r\n",
                                   "\r\n", "\r\n",   "\r\n", "\r\n", "\n",
                                   "\r",   "\r\r\n", "\n\r", ""};

/* Mostly right. */
static void add_end(unsigned wrong) {
  add_text(random_below(100) < wrong ? PICK(ends) : "\r\n");
}

static const char *const sizes[] = {
    "0",
    "00",
    "5;a",
    "5;a=b",
    "5;a=\"b\"",
    "5 ",
    " 5",
    "5\t",
    "-5",
    "+5",
    "0x5",
    "g",
    "",
    "5;",
    "5;;",
    "5 ;a",
    "5;\x01",
    "ffffffffffffffff",
    "10000000000000000",
    "5;a=b;c=\"d;\\\"e\"",
    "0000000000000000000005",
    "5;a b",
    "5;=b",
    "5;a=",
    "5;\"a\"",
    "5;a\xff",
    "0;a",
    "7fffffffffffffff",
    "fffffffffffffff",
};

static void add_chunks(unsigned wrong) {
  unsigned count = random_below(4);
  char text[64];

  while (count-- > 0) {
    unsigned size = 1 + random_below(random_below(8) == 0 ? 300 : 20), i;

    if (random_below(100) < wrong)
      add_text(PICK(sizes));
    else {
      (void)snprintf(text, sizeof(text), random_below(2) ? "%x" : "%X", size);
      add_text(text);
    }
    add_end(wrong);
    for (i = 0; i < size; i++)
      add_text(random_below(50) == 0 ? "\n" : "x");
    add_end(wrong);
  }
  add_text(random_below(100) < wrong ? PICK(sizes) : "0");
  add_end(wrong);
  while (random_below(4) == 0) {
    add_text(PICK(lines));
    add_end(wrong);
  }
  add_end(wrong);
}

static void make_answer(unsigned wrong) {
  unsigned fields = random_below(4), i, body = random_below(40);
  char text[64];

  made_len = 0;
  while (random_below(8) == 0) {
    add_text("HTTP/1.1 103 Hints\r\n");
    add_text(random_below(2) ? "Link: </x>\r\n\r\n" : "\r\n");
  }
  add_text(random_below(100) < wrong + 10 ? PICK(first_lines)
                                          : "HTTP/1.1 200 OK");
  add_end(wrong);
  for (i = 0; i < fields; i++) {
    add_text(random_below(100) < wrong + 10 ? PICK(lines)
                                            : lines[random_below(6)]);
    add_end(wrong);
  }
  switch (random_below(4)) {
  case 0:
    add_text("Transfer-Encoding: chunked");
    add_end(wrong);
    add_end(wrong);
    add_chunks(wrong);
    break;
  case 1:
    add_end(wrong);
    for (i = 0; i < body; i++)
      add_text("y");
    break;
  default:
    (void)snprintf(text, sizeof(text), "Content-Length: %u", body);
    add_text(text);
    add_end(wrong);
    add_end(wrong);
    for (i = 0; i < body; i++)
      add_text(random_below(30) == 0 ? "\r\n" : "z");
  }
  if (random_below(10) == 0)
    add_text("HTTP/1.1 200 OK\r\n\r\n");
}

static const char *const tokens[] = {
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    ";",
    ",",
    "0\r\n\r\n",
    "\r\n\r\n",
    "chunked",
    "close",
    "Content-Length: 3\r\n",
    "5\r\n",
    "1",
    "0",
    "f",
    "\"",
    "Transfer-Encoding: chunked\r\n",
    "HTTP/1.1 200 OK\r\n",
    "=",
    "\\",
    "-",
};

/* Bytes changed, left out, said twice, put in; or the rest cut off. */
static void change(void) {
  unsigned times = random_below(3);
  char token[64];

  while (times-- > 0 && made_len > 0) {
    size_t at = random_below((unsigned)made_len), n;

    switch (random_below(6)) {
    case 0:
      made[at] = (char)random_below(256);
      break;
    case 1:
      n = 1 + random_below(4);
      if (at + n > made_len)
        n = made_len - at;
      memmove(made + at, made + at + n, made_len - at - n);
      made_len -= n;
      break;
    case 2:
      made_len = at;
      break;
    case 3:
      made[at] = (char)(made[at] ^ (1 << random_below(8)));
      break;
    default:
      (void)snprintf(token, sizeof(token), "%s", PICK(tokens));
      n = strlen(token);
      if (made_len + n > MOST)
        break;
      memmove(made + at + n, made + at, made_len - at);
      memcpy(made + at, token, n);
      made_len += n;
    }
  }
}

/* Notes that the callback at this place was called. */
#define PLACE(n)                                                               \
  static int called_##n(void *parser, const char *at, size_t len) {            \
    (void)parser;                                                              \
    (void)at;                                                                  \
    (void)len;                                                                 \
    called = n;                                                                \
    return 0;                                                                  \
  }                                                                            \
  struct unused
PLACE(8);
PLACE(9);
PLACE(10);
PLACE(11);
PLACE(12);
PLACE(13);

/* Finds the places of the three callbacks that are used: the same probes in
 * all places around, and the places are next to each other. */
static void find_places(void) {
  static const char probe[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
  static callback *const probes[] = {called_8,  called_9,  called_10,
                                     called_11, called_12, called_13};
  union parser p;
  size_t i;

  memset(&settings, 0, sizeof(settings));
  for (i = 0; i < 6; i++)
    settings.of[8 + i] = probes[i];
  llhttp_init(&p, RESPONSE, &settings);
  llhttp_execute(&p, probe, sizeof(probe) - 1);
  complete_place = called;
  body_place = complete_place - 1;
  headed_place = complete_place - 2;
  memset(&settings, 0, sizeof(settings));
  settings.of[headed_place] = on_headed;
  settings.of[body_place] = on_body;
  settings.of[complete_place] = on_complete;
}

/* Reads the files that are named in HTTP1_FILES, one a line. */
static unsigned long replay(void) {
  const char *names = getenv("HTTP1_FILES");
  unsigned long number = 0;
  char name[512];

  while (names != NULL && *names != '\0') {
    size_t len = strcspn(names, "\n ");
    FILE *file;

    (void)snprintf(name, sizeof(name), "%.*s", (int)len, names);
    names += len + (names[len] != '\0');
    file = fopen(name, "rb");
    if (file == NULL)
      continue;
    made_len = fread(made, 1, MOST, file);
    (void)fclose(file);
    judge(made, made_len);
    number++;
  }
  return number;
}

void *napi_register_module_v1(void *env, void *exports) {
  const char *runs = getenv("HTTP1_RUNS"), *start = getenv("HTTP1_SEED");
  unsigned long number, i, most = runs != NULL ? strtoul(runs, NULL, 10) : 0;

  (void)env;
  if (start != NULL)
    seed ^= strtoul(start, NULL, 10) * 0x9E3779B97F4A7C15u;
  find_places();
  number = replay();
  for (i = 0; i < most; i++) {
    make_answer(random_below(3) * 5);
    if (random_below(2) == 0)
      change();
    judge(made, made_len);
  }
  for (i = 0; i < KINDS && kinds[i].name != NULL; i++)
    printf("  %lu %s\n", kinds[i].count, kinds[i].name);
  printf("http1: %lu inputs, %lu faults\n", number + most, faults);
  (void)fflush(stdout);
  return faults == 0 ? exports : (_Exit(1), exports);
}
