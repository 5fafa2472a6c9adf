#include "usual.h"

#include <stdio.h>

#define SM_WALK "stopmsg.walk"

/* Reads the path on top of the stack. If two roles collide, nothing is
 * usual. */
static void read_path(lua_State *L, struct sm_single *single, enum sm_role role,
                      int rank) {
  int field = 0;
  size_t i, count;
  struct sm_field *end;

  luaL_checktype(L, -1, LUA_TTABLE);
  count = lua_rawlen(L, -1);
  for (i = 1; i <= count; i++) {
    size_t len;
    const char *name;

    lua_rawgeti(L, -1, (int)i);
    name = luaL_checklstring(L, -1, &len);
    field = sm_single_field(single, field, name, len);
    if (field < 0)
      luaL_error(L, single->field_count < SM_MAX_FIELDS ? "not enough memory"
                                                        : "too many paths");
    lua_pop(L, 1);
  }
  if (field == 0)
    luaL_error(L, "a path without names");
  end = &single->fields[field];
  if (end->role == SM_ROLE_NONE) {
    end->role = role;
    end->rank = rank;
  } else if (end->role != role) {
    end->role = SM_ROLE_ERROR;
  }
}

/* Reads the list of paths `name` of the table on top; returns whether it
 * exists. */
static int read_paths(lua_State *L, struct sm_single *single, const char *name,
                      enum sm_role role) {
  size_t i, count;

  lua_getfield(L, -1, name);
  count = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, (int)i);
    read_path(L, single, role, (int)i);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return count > 0;
}

/* Reads the code on top of the stack, which stays a number if it is one. */
static void read_code(lua_State *L, struct sm_single *single) {
  struct sm_code *code = sm_single_code(single);
  enum sm_status status = SM_OK;
  char digits[32];
  const char *text = digits;
  size_t len;

  if (code == NULL) {
    luaL_error(L, "not enough memory");
    return;
  }
  switch (lua_type(L, -1)) {
  case LUA_TBOOLEAN:
    code->kind = lua_toboolean(L, -1) ? SM_CODE_TRUE : SM_CODE_FALSE;
    return;
  case LUA_TNUMBER:
    code->kind = SM_CODE_NUMBER;
    len = (size_t)snprintf(digits, sizeof(digits), "%.0f", lua_tonumber(L, -1));
    break;
  default:
    code->kind = SM_CODE_STRING;
    text = luaL_checklstring(L, -1, &len);
  }
  if (len < sizeof(digits) || text != digits)
    status = sm_buf_add(&code->text, text, len);
  if (status != SM_OK)
    luaL_error(L,
               status == SM_NOMEM ? "not enough memory" : "a code is too long");
}

static void read_codes(lua_State *L, struct sm_single *single) {
  size_t i, count;

  lua_getfield(L, -1, "codes");
  luaL_checktype(L, -1, LUA_TTABLE);
  count = lua_rawlen(L, -1);
  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, (int)i);
    read_code(L, single);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static lua_Integer read_whole(lua_State *L, const char *name) {
  lua_Integer number;

  lua_getfield(L, -1, name);
  number = luaL_checkinteger(L, -1);
  lua_pop(L, 1);
  return number;
}

/* Reads the whole body in field `exactly` of the table on top, if it exists. */
static int read_exactly(lua_State *L, struct sm_single *single) {
  const char *text;
  size_t len;

  lua_getfield(L, -1, "exactly");
  text = lua_tolstring(L, -1, &len);
  if (text != NULL) {
    enum sm_status status = sm_buf_add(&single->exactly, text, len);
    if (status != SM_OK)
      luaL_error(L, status == SM_NOMEM ? "not enough memory"
                                       : "a body is too long");
    single->kind = len > 0 ? SM_SINGLE_EXACT : SM_SINGLE_EMPTY;
  }
  lua_pop(L, 1);
  return text != NULL;
}

static void read_single(lua_State *L, struct sm_single *single) {
  luaL_checktype(L, -1, LUA_TTABLE);
  luaL_checkstack(L, 8, NULL);
  single->status = (long)read_whole(L, "status");
  single->first = (size_t)read_whole(L, "first");
  if (single->first < 1)
    luaL_error(L, "meanings are counted from 1");
  if (read_exactly(L, single))
    return;
  single->has_id = read_paths(L, single, "id", SM_ROLE_ID);
  single->has_code = read_paths(L, single, "code", SM_ROLE_CODE);
  (void)read_paths(L, single, "errors", SM_ROLE_ERROR);
  if (single->has_code)
    read_codes(L, single);
}

void sm_usual_read(lua_State *L, int index, struct sm_op *op) {
  size_t i, count;

  lua_getfield(L, index, "usual");
  count = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
  for (i = 1; i <= count; i++) {
    struct sm_single *single = sm_op_single(op);

    if (single == NULL) {
      luaL_error(L, "not enough memory");
      return;
    }
    lua_rawgeti(L, -1, (int)i);
    read_single(L, single);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* For responses that did not come through an engine. */
struct lone_walk {
  struct sm_single single;
  struct sm_walk walk;
};

static int lone_gc(lua_State *L) {
  struct lone_walk *lone = luaL_checkudata(L, 1, SM_WALK);

  sm_single_free(&lone->single);
  sm_walk_free(&lone->walk);
  return 0;
}

/* number = core.meaning(usual of one status, id, body, other_id, other_body):
 * the meaning of a body, 0 if it is not usual. With another id and its body,
 * these are read before. */
int sm_usual_meaning(lua_State *L) {
  size_t id_len, len;
  const char *id = luaL_checklstring(L, 2, &id_len);
  const char *body = luaL_checklstring(L, 3, &len);
  size_t other_len = 0, before_len = 0;
  const char *other = luaL_optlstring(L, 4, "", &other_len);
  const char *before = luaL_optlstring(L, 5, "", &before_len);
  struct lone_walk *lone;
  size_t number;

  lua_settop(L, 5);
  lone = lua_newuserdata(L, sizeof(*lone));
  sm_single_init(&lone->single);
  sm_walk_init(&lone->walk);
  luaL_getmetatable(L, SM_WALK);
  lua_setmetatable(L, -2);
  lua_pushvalue(L, 1);
  read_single(L, &lone->single);
  (void)sm_single_read(&lone->single, &lone->walk, other, other_len, before,
                       before_len);
  number = sm_single_read(&lone->single, &lone->walk, id, id_len, body, len);
  if (lone->walk.is_nomem)
    return luaL_error(L, "not enough memory");
  lua_pushinteger(L, (lua_Integer)number);
  return 1;
}

static const luaL_Reg walk_methods[] = {{NULL, NULL}};

static const luaL_Reg walk_metamethods[] = {
    {"__gc", lone_gc},
    {NULL, NULL},
};

void sm_usual_init(lua_State *L) {
  sm_newtype(L, SM_WALK, walk_methods, walk_metamethods);
}
