#include "prepare.h"

#include <string.h>

#include "items.h"

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* A string field of the table on top of the stack, added to `to`; nothing is
 * added where the field is nil. */
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

/* Field `name` of the table at index 2: { open, between, close, escape }. */
static int read_form(lua_State *L, const char *name, struct sm_form *form) {
  lua_getfield(L, 2, name);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return 0;
  }
  luaL_checktype(L, -1, LUA_TTABLE);
  read_text(L, "open", &form->open);
  read_text(L, "between", &form->between);
  read_text(L, "close", &form->close);
  lua_getfield(L, -1, "escape");
  if (sm_form_escape(form, luaL_optstring(L, -1, "none")) != SM_OK)
    luaL_error(L, "no escape is called '%s'", lua_tostring(L, -1));
  lua_pop(L, 2);
  return 1;
}

static void read_headers(lua_State *L, struct sm_op *op) {
  size_t i, count;

  lua_getfield(L, 2, "headers");
  luaL_checktype(L, -1, LUA_TTABLE);
  count = lua_rawlen(L, -1);
  for (i = 1; i <= count; i++) {
    size_t len;
    const char *line, *fault;

    lua_rawgeti(L, -1, (int)i);
    line = luaL_checklstring(L, -1, &len);
    fault = sm_header_fault(line, len);
    if (fault != NULL)
      luaL_error(L, "header %d %s", (int)i, fault);
    if (sm_op_header(op, line) != SM_OK)
      luaL_error(L, "not enough memory");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
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
  read_text(L, "auth", &op->auth_prefix);
  lua_settop(L, 2);
  luaL_argcheck(L,
                op->method.len > 0 &&
                    strspn(op->method.bytes, UPPER) == op->method.len,
                2, "no method in capitals");
  if (sm_header_fault(op->auth_prefix.bytes, op->auth_prefix.len) != NULL)
    luaL_error(L, "auth holds a control byte");
  if (!read_form(L, "url", &op->url))
    luaL_error(L, "no url");
  op->has_body = read_form(L, "body", &op->body);
  lua_getfield(L, 2, "items");
  if (!lua_isnil(L, -1))
    sm_fields_read(L, lua_gettop(L), &op->fields);
  lua_settop(L, 2);
  read_headers(L, op);
  op->is_ready = 1;
}
