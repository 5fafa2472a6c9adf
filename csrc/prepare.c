#include "prepare.h"

#include <string.h>

#include "items.h"
#include "usual.h"

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Appends a string field of the table on top of the stack to `to`, unless it is
 * nil. */
static void read_text(lua_State *L, const char *name, struct sm_buf *to) {
  lua_getfield(L, -1, name);
  if (!lua_isnil(L, -1)) {
    size_t len;
    const char *text = luaL_checklstring(L, -1, &len);

    enum sm_status status = sm_buf_add(to, text, len);

    if (status == SM_OK)
      status = sm_buf_terminate(to);
    if (status != SM_OK)
      luaL_error(L, status == SM_NOMEM ? "not enough memory" : "%s is too long",
                 name);
  }
  lua_pop(L, 1);
}

/* Appends entry `i` of the piece on top of the stack to `to`. */
static void read_entry(lua_State *L, int i, struct sm_buf *to) {
  size_t len;
  const char *text;
  enum sm_status status;

  lua_rawgeti(L, -1, i);
  text = luaL_optlstring(L, -1, "", &len);
  status = sm_buf_add(to, text, len);
  if (status != SM_OK)
    luaL_error(L, status == SM_NOMEM ? "not enough memory"
                                     : "a text of a template is too long");
  lua_pop(L, 1);
}

static void read_escape(lua_State *L, int i, struct sm_piece *piece) {
  const char *name;

  lua_rawgeti(L, -1, i);
  name = luaL_optstring(L, -1, "raw");
  if (sm_piece_escape(piece, name) != SM_OK)
    luaL_error(L, "unknown escape '%s'", name);
  lua_pop(L, 1);
}

static unsigned read_part(lua_State *L, int i, const struct sm_op *op) {
  lua_Integer part;

  lua_rawgeti(L, -1, i);
  part = luaL_optinteger(L, -1, 0);
  if (part < 0 || part > (lua_Integer)op->split.parts)
    luaL_error(L, "no such part of an id");
  lua_pop(L, 1);
  return (unsigned)part;
}

/* The number of a generated text. */
static unsigned read_made(lua_State *L, int i) {
  lua_Integer number;

  lua_rawgeti(L, -1, i);
  number = luaL_checkinteger(L, -1);
  if (number < 1 || number > SM_MAX_MADE)
    luaL_error(L, "no such text is made");
  lua_pop(L, 1);
  return (unsigned)number;
}

/* Reads the hole on top of the stack: { "id", escape, part }, { "ids", escape,
 * part, between }, { "uuid" }, { "token", escape }, { "made", escape, number }
 * or { "basic", before, after }. */
static void read_hole(lua_State *L, const struct sm_op *op,
                      struct sm_template *t, struct sm_piece *piece) {
  const char *kind;

  luaL_checktype(L, -1, LUA_TTABLE);
  lua_rawgeti(L, -1, 1);
  kind = luaL_checkstring(L, -1);
  if (strcmp(kind, "id") == 0)
    piece->kind = SM_PIECE_ID;
  else if (strcmp(kind, "ids") == 0)
    piece->kind = SM_PIECE_IDS;
  else if (strcmp(kind, "uuid") == 0)
    piece->kind = SM_PIECE_UUID;
  else if (strcmp(kind, "token") == 0)
    piece->kind = SM_PIECE_TOKEN;
  else if (strcmp(kind, "basic") == 0)
    piece->kind = SM_PIECE_BASIC;
  else if (strcmp(kind, "made") == 0)
    piece->kind = SM_PIECE_MADE;
  else
    luaL_error(L, "unknown template piece '%s'", kind);
  lua_pop(L, 1);
  if (piece->kind == SM_PIECE_BASIC) {
    read_entry(L, 2, &piece->text);
    read_entry(L, 3, &piece->after);
    return;
  }
  read_escape(L, 2, piece);
  piece->part =
      piece->kind == SM_PIECE_MADE ? read_made(L, 3) : read_part(L, 3, op);
  if (piece->kind != SM_PIECE_IDS)
    return;
  if (t->list != t->count)
    luaL_error(L, "a template with two lists");
  t->list = t->count - 1;
  read_entry(L, 4, &piece->text);
}

/* Reads the list of pieces on top of the stack, each a text or a hole. */
static void read_template(lua_State *L, const struct sm_op *op,
                          struct sm_template *t) {
  size_t i, count;

  luaL_checktype(L, -1, LUA_TTABLE);
  count = lua_rawlen(L, -1);
  for (i = 1; i <= count; i++) {
    struct sm_piece *piece = sm_template_add(t);

    if (piece == NULL)
      luaL_error(L, "not enough memory");
    if (lua_checkstack(L, 4) == 0)
      luaL_error(L, "not enough memory");
    lua_rawgeti(L, -1, (int)i);
    if (lua_type(L, -1) == LUA_TSTRING) {
      lua_pop(L, 1);
      read_entry(L, (int)i, &piece->text);
    } else {
      read_hole(L, op, t, piece);
      lua_pop(L, 1);
    }
  }
}

/* Reads field `name` of the table at index 2. */
static int read_field_template(lua_State *L, const char *name,
                               const struct sm_op *op, struct sm_template *t) {
  int is_there;

  lua_getfield(L, 2, name);
  is_there = !lua_isnil(L, -1);
  if (is_there)
    read_template(L, op, t);
  lua_pop(L, 1);
  return is_there;
}

static void read_between(lua_State *L, struct sm_op *op) {
  size_t i, count;

  luaL_checktype(L, -1, LUA_TTABLE);
  count = lua_rawlen(L, -1);
  if (count < 1 || count > SM_MAX_PARTS - 1)
    luaL_error(L, "an id of too many parts");
  for (i = 1; i <= count; i++)
    read_entry(L, (int)i, &op->split.between[i - 1]);
  op->split.parts = (unsigned)count + 1;
}

/* Reads split = { "/" }: the separators of an id's parts. */
static void read_split(lua_State *L, struct sm_op *op) {
  lua_getfield(L, 2, "split");
  if (!lua_isnil(L, -1))
    read_between(L, op);
  lua_pop(L, 1);
}

static void check_header(lua_State *L, const char *line, size_t len, int i) {
  const char *fault = sm_header_fault(line, len);

  if (fault != NULL)
    luaL_error(L, "header %d %s", i, fault);
}

/* Reads a header line with holes. */
static void read_line(lua_State *L, struct sm_op *op, int i) {
  struct sm_template line, *kept;
  struct sm_lines *lines;
  size_t k;

  /* Read in place, so that it is freed if something raises. */
  kept = sm_op_line(&op->request_lines);
  if (kept == NULL)
    luaL_error(L, "not enough memory");
  read_template(L, op, kept);
  for (k = 0; k < kept->count; k++)
    if (kept->pieces[k].kind == SM_PIECE_TEXT)
      check_header(L, kept->pieces[k].text.bytes, kept->pieces[k].text.len, i);
  if (kept->list != kept->count)
    luaL_error(L, "header %d holds a list of ids", i);
  if (sm_template_has(kept, SM_PIECE_ID) ||
      sm_template_has(kept, SM_PIECE_UUID) ||
      sm_template_has(kept, SM_PIECE_MADE)) {
    op->is_token_in_lines |= sm_template_has_token(kept);
    return;
  }
  line = *kept;
  op->request_lines.count--;
  lines = &op->token_lines;
  kept = sm_op_line(lines);
  if (kept == NULL) {
    op->request_lines.count++; /* now `op` frees it */
    luaL_error(L, "not enough memory");
    return;
  }
  *kept = line;
}

static void read_headers(lua_State *L, struct sm_op *op) {
  size_t i, count;

  lua_getfield(L, 2, "headers");
  luaL_checktype(L, -1, LUA_TTABLE);
  count = lua_rawlen(L, -1);
  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, (int)i);
    if (lua_istable(L, -1)) {
      read_line(L, op, (int)i);
    } else {
      size_t len;
      const char *line = luaL_checklstring(L, -1, &len);

      check_header(L, line, len, (int)i);
      if (sm_op_header(op, line) != SM_OK)
        luaL_error(L, "not enough memory");
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* Even without a body these methods must send Content-Length: 0, or servers
 * wait for a body. */
static int is_upload(const struct sm_op *op) {
  const char *method = op->method.bytes;

  return op->has_body || strcmp(method, "POST") == 0 ||
         strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

void sm_prepare(lua_State *L, struct sm_op *op) {
  const char *fault;
  int allow_http;

  luaL_checktype(L, 2, LUA_TTABLE);
  /* An __index could close the engine, and `op` with it. */
  if (luaL_getmetafield(L, 2, "__index"))
    luaL_error(L, "an operation is a plain table");
  lua_settop(L, 2);
  lua_getfield(L, 2, "allow_http");
  allow_http = lua_toboolean(L, -1);
  lua_getfield(L, 2, "base");
  fault = sm_base_fault(luaL_checkstring(L, -1), allow_http, &op->base,
                        &op->prefix, &op->is_plain);
  if (fault == sm_base_nomem)
    luaL_error(L, "not enough memory");
  if (fault != NULL)
    luaL_error(L, "base_url %s", fault);
  lua_settop(L, 2);

  lua_pushvalue(L, 2);
  read_text(L, "method", &op->method);
  read_text(L, "pause", &op->pause);
  if (sm_buf_terminate(&op->pause) != SM_OK)
    luaL_error(L, "not enough memory");
  lua_settop(L, 2);
  luaL_argcheck(L,
                op->method.len > 0 &&
                    strspn(op->method.bytes, UPPER) == op->method.len,
                2, "no method in capitals");
  read_split(L, op);
  if (!read_field_template(L, "url", op, &op->url))
    luaL_error(L, "no url");
  op->has_body = read_field_template(L, "body", op, &op->body);
  op->is_upload = is_upload(op);
  lua_getfield(L, 2, "items");
  if (!lua_isnil(L, -1))
    sm_fields_read(L, lua_gettop(L), &op->fields);
  lua_settop(L, 2);
  sm_usual_read(L, 2, op);
  read_headers(L, op);
  op->is_token_in_url = sm_template_has_token(&op->url);
  op->is_token_in_body = sm_template_has_token(&op->body);
  op->has_token = op->is_token_in_url || op->is_token_in_body ||
                  op->is_token_in_lines || op->token_lines.count > 0;
  op->is_ready = 1;
}
