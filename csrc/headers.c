#include "headers.h"

#include <string.h>
#include <time.h>

#include "ascii.h"

void sm_headers_clear(struct sm_headers *h) {
  memset(h, 0, sizeof(*h));
}

static void take_coding(struct sm_headers *h, const char *name, size_t len) {
  enum sm_coding coding = SM_CODING_GZIP;

  if (len == 0 || sm_is_word(name, len, "identity"))
    return;
  if (sm_is_word(name, len, "deflate"))
    coding = SM_CODING_DEFLATE;
  else if (!sm_is_word(name, len, "gzip") && !sm_is_word(name, len, "x-gzip"))
    h->has_unknown_coding = 1;
  if (h->coding_count < SM_MAX_CODINGS)
    h->codings[h->coding_count++] = coding;
  else
    h->has_unknown_coding = 1;
}

/* Calls a function for each name of a comma-separated list. */
static void take_codings(struct sm_headers *h, const char *text, size_t len) {
  const char *end = text + len;

  while (text < end) {
    const char *comma = memchr(text, ',', (size_t)(end - text));
    size_t name_len = (size_t)((comma != NULL ? comma : end) - text);
    const char *name = sm_trim(text, &name_len);

    take_coding(h, name, name_len);
    text = comma != NULL ? comma + 1 : end;
  }
}

/* Matches a date against a shape and stores its parts. Shape characters: a
 * digit of the day ('D'; 'd' may be a space), year ('Y'), hour, minute, second,
 * a letter of the month's name ('M'); anything else matches itself. */
struct date {
  long year;
  int month, day, hour, minute, second;
};

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static int month_of(const char *name) {
  int month;

  for (month = 0; month < 12; month++)
    if (memcmp(months + (size_t)month * 3, name, 3) == 0)
      return month + 1;
  return 0;
}

static int read_digit(struct date *d, char kind, char c) {
  int digit = c - '0';

  if (kind == 'd' && c == ' ')
    return 1;
  if (!sm_is_digit(c))
    return 0;
  switch (kind) {
  case 'd':
  case 'D':
    d->day = d->day * 10 + digit;
    break;
  case 'Y':
    d->year = d->year * 10 + digit;
    break;
  case 'h':
    d->hour = d->hour * 10 + digit;
    break;
  case 'm':
    d->minute = d->minute * 10 + digit;
    break;
  default:
    d->second = d->second * 10 + digit;
  }
  return 1;
}

static int read_shape(const char *text, size_t len, const char *shape,
                      struct date *d) {
  size_t i;

  memset(d, 0, sizeof(*d));
  if (len != strlen(shape))
    return 0;
  for (i = 0; i < len; i++) {
    char c = text[i];

    if (shape[i] == 'M') {
      if (d->month == 0 && (d->month = month_of(text + i)) == 0)
        return 0;
    } else if (strchr("dDYhms", shape[i]) != NULL) {
      if (!read_digit(d, shape[i], c))
        return 0;
    } else if (c != shape[i]) {
      return 0;
    }
  }
  return 1;
}

static int is_leap(long year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970 to January 1; negative before 1970. */
static double days_before(long year) {
  long y = year - 1;

  return (double)(365 * (year - 1970) + (y / 4 - y / 100 + y / 400) -
                  (1969 / 4 - 1969 / 100 + 1969 / 400));
}

/* Seconds since 1970; negative for an impossible date. */
static double seconds_of(const struct date *d) {
  static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  double days = days_before(d->year) + d->day - 1;
  int month;

  for (month = 1; month < d->month; month++)
    days += lengths[month - 1] + (month == 2 && is_leap(d->year));
  if (d->day < 1 ||
      d->day > lengths[d->month - 1] + (d->month == 2 && is_leap(d->year)) ||
      d->hour > 23 || d->minute > 59 || d->second > 60)
    return -1;
  return ((days * 24 + d->hour) * 60 + d->minute) * 60 + d->second;
}

static int is_weekday(const char *name, size_t len) {
  static const char *const days[] = {"Monday",   "Tuesday", "Wednesday",
                                     "Thursday", "Friday",  "Saturday",
                                     "Sunday"};
  size_t i;

  for (i = 0; i < sizeof(days) / sizeof(days[0]); i++)
    if ((len == 3 || len == strlen(days[i])) && memcmp(name, days[i], len) == 0)
      return 1;
  return 0;
}

/* Expands a two-digit year to the next year that ends in it, at most 50 years
 * ahead. */
static long full_year(long digits, time_t now) {
  long this_year = 1970;

  while (days_before(this_year + 1) * 86400 <= (double)now)
    this_year++;
  digits += this_year - this_year % 100;
  return digits > this_year + 50 ? digits - 100 : digits;
}

/* Parses the three forms of an HTTP date; negative if it is none of them. */
static double date_of(const char *text, size_t len, time_t now) {
  size_t name = 0;
  struct date d;

  while (name < len && sm_lower(text[name]) >= 'a' &&
         sm_lower(text[name]) <= 'z')
    name++;
  if (name < 3 || !is_weekday(text, name))
    return -1;
  text += name;
  len -= name;
  if (name == 3 && (read_shape(text, len, ", DD MMM YYYY hh:mm:ss GMT", &d) ||
                    read_shape(text, len, " MMM dD hh:mm:ss YYYY", &d)))
    return seconds_of(&d);
  if (name > 3 && read_shape(text, len, ", DD-MMM-YY hh:mm:ss GMT", &d)) {
    d.year = full_year(d.year, now);
    return seconds_of(&d);
  }
  return -1;
}

static double retry_after_of(const char *text, size_t len, time_t now) {
  double seconds = 0;
  size_t i;

  for (i = 0; i < len && sm_is_digit(text[i]); i++)
    if (seconds < SM_MAX_RETRY_AFTER)
      seconds = seconds * 10 + (text[i] - '0');
  if (i < len)
    seconds = date_of(text, len, now) - (double)now;
  if (seconds > SM_MAX_RETRY_AFTER)
    return SM_MAX_RETRY_AFTER;
  return seconds > 0 ? seconds : 0;
}

/* Chunked coding marks its own end. Other codings that libcurl decodes may have
 * been truncated before they were chunked. */
static void take_transfer(struct sm_headers *h, const char *text, size_t len) {
  if (sm_is_word(text, len, "chunked"))
    h->is_chunked = 1;
  else
    h->is_contradictory = 1;
}

static void take_length(struct sm_headers *h, const char *text, size_t len) {
  double length = 0;
  size_t i;

  for (i = 0; i < len && sm_is_digit(text[i]); i++)
    length = length * 10 + (text[i] - '0');
  if (i < len || len == 0 || (h->length_count > 0 && h->length != length))
    h->is_contradictory = 1;
  h->length = length;
  h->length_count++;
}

void sm_headers_line(struct sm_headers *h, const char *line, size_t len) {
  const char *colon = memchr(line, ':', len);
  size_t name_len, value_len;
  const char *value;

  if (colon == NULL)
    return;
  name_len = (size_t)(colon - line);
  value_len = len - name_len - 1;
  value = sm_trim(colon + 1, &value_len);
  if (sm_is_word(line, name_len, "transfer-encoding"))
    take_transfer(h, value, value_len);
  else if (sm_is_word(line, name_len, "content-length"))
    take_length(h, value, value_len);
  else if (sm_is_word(line, name_len, "content-encoding"))
    take_codings(h, value, value_len);
  else if (sm_is_word(line, name_len, "retry-after"))
    h->retry_after = retry_after_of(value, value_len, time(NULL));
  else if (sm_is_word(line, name_len, "server"))
    h->is_sandbox = sm_is_word(value, value_len, "stopmsg-sandbox");
}

void sm_headers_pause(struct sm_headers *h, const char *name, const char *line,
                      size_t len) {
  size_t name_len = strlen(name), value_len, i;
  const char *value;
  double seconds = 0, place = 0;

  if (name_len == 0 || len <= name_len || line[name_len] != ':' ||
      !sm_is_word(line, name_len, name))
    return;
  value_len = len - name_len - 1;
  value = sm_trim(line + name_len + 1, &value_len);
  for (i = 0; i < value_len; i++) {
    if (value[i] == '.' && place == 0 && i > 0 && i + 1 < value_len) {
      place = 1;
      continue;
    }
    if (value[i] < '0' || value[i] > '9')
      return;
    if (place == 0) {
      seconds = seconds * 10 + (value[i] - '0');
    } else {
      place /= 10;
      seconds += place * (value[i] - '0');
    }
  }
  if (seconds > 0 && seconds <= SM_MAX_RETRY_AFTER)
    h->pause = seconds;
}
