#include "items.h"

#include <math.h>
#include <string.h>

#define SM_ITEMS "stopmsg.items"
#define SM_READER "stopmsg.reader"

/* Upper bound for one response. */
#define SM_ALL ((size_t)1024 * 1024 * 1024)

struct sm_items *sm_items_new(lua_State *L) {
  struct sm_items *items = lua_newuserdata(L, sizeof(*items));

  sm_items_clear(items);
  luaL_getmetatable(L, SM_ITEMS);
  lua_setmetatable(L, -2);
  return items;
}

void sm_items_move(struct sm_items *to, struct sm_items *from) {
  *to = *from;
  sm_items_clear(from);
}

/* Whole, and small enough that a double holds its neighbors, too. */
static int is_whole(const struct sm_item *item) {
  return item->kind == SM_ITEM_NUMBER && fabs(item->number) < 0x1p53 &&
         (double)(int64_t)item->number == item->number;
}

static void push_code(lua_State *L, const struct sm_items *items,
                      const struct sm_item *item) {
  const char *text = items->texts.bytes;

  switch (item->kind) {
  case SM_ITEM_MISSING:
    lua_pushboolean(L, 0);
    break;
  case SM_ITEM_TWICE:
    lua_pushboolean(L, 1);
    break;
  case SM_ITEM_NONE:
    lua_pushnil(L);
    break;
  case SM_ITEM_NUMBER:
#if LUA_VERSION_NUM >= 503
    if (is_whole(item)) {
      lua_pushinteger(L, (lua_Integer)item->number);
      break;
    }
#endif
    lua_pushnumber(L, (lua_Number)item->number);
    break;
  case SM_ITEM_TEXT:
    lua_pushlstring(L, text != NULL ? text + item->text_at : "",
                    item->text_len);
    break;
  }
}

/* Counts how many items from `list` on have the same content as the first, up
 * to `most`. Neighbors usually do. */
static size_t count_alike(const struct sm_items *items,
                          const struct sm_item *list, size_t most) {
  size_t count = 1;

  while (count < most && sm_items_are_alike(items, &list[0], &list[count]))
    count++;
  return count;
}

/*
 * code, count = items:run(first, most)
 *
 * Returns the code of the ID at `first` and how many IDs from there on have the
 * same code, up to `most`. The code is a number or a string; nil for an entry
 * without a code; false for an ID without an entry; true for an ID with two
 * different codes.
 */
static int items_run(lua_State *L) {
  const struct sm_items *items = luaL_checkudata(L, 1, SM_ITEMS);
  /* Not read as integers: on some Luas these are smaller than size_t and would
   * be truncated. */
  lua_Number first = luaL_checknumber(L, 2);
  lua_Number most = luaL_checknumber(L, 3);
  lua_Number total = (lua_Number)items->count;
  const struct sm_item *item;

  luaL_argcheck(L, first >= 1 && first <= total, 2, "no such place");
  luaL_argcheck(L, most >= 1 && most <= total - (first - 1), 3,
                "more than there are");
  item = &items->list[(size_t)first - 1];
  push_code(L, items, item);
  sm_pushwhole(L, count_alike(items, item, (size_t)most));
  return 2;
}

/* counts = items:counts(): whole-number code -> number of IDs with it */
static int items_counts(lua_State *L) {
  const struct sm_items *items = luaL_checkudata(L, 1, SM_ITEMS);
  size_t i, next;

  lua_settop(L, 1);
  lua_newtable(L);
  for (i = 0; i < items->count; i = next) {
    const struct sm_item *item = &items->list[i];

    next = i + count_alike(items, item, items->count - i);
    if (!is_whole(item))
      continue;
    push_code(L, items, item);
    lua_pushvalue(L, -1);
    lua_rawget(L, 2);
    lua_pushinteger(L, lua_tointeger(L, -1) + (lua_Integer)(next - i));
    lua_remove(L, -2);
    lua_rawset(L, 2);
  }
  return 1;
}

/* surplus = items:surplus(): number of entries for IDs that were not
 * requested */
static int items_surplus(lua_State *L) {
  const struct sm_items *items = luaL_checkudata(L, 1, SM_ITEMS);

  lua_pushinteger(L, (lua_Integer)items->surplus);
  return 1;
}

/* Also __gc. Close explicitly: the collector does not know how much memory
 * thousands of items use. */
static int items_close(lua_State *L) {
  sm_items_free(luaL_checkudata(L, 1, SM_ITEMS));
  return 0;
}

static void read_field(lua_State *L, int index, const char *name,
                       struct sm_buf *to) {
  enum sm_status status;
  const char *text;
  size_t len = 0;

  lua_getfield(L, index, name);
  text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
  status = text != NULL && len > 0 ? sm_buf_add(to, text, len) : SM_REFUSED;
  if (status == SM_NOMEM)
    luaL_error(L, "not enough memory");
  if (status != SM_OK)
    luaL_error(L, "no field can be called what '%s' says", name);
  lua_pop(L, 1);
}

void sm_fields_read(lua_State *L, int index, struct sm_fields *fields) {
  luaL_checktype(L, index, LUA_TTABLE);
  read_field(L, index, "list", &fields->list);
  read_field(L, index, "id", &fields->id);
  read_field(L, index, "code", &fields->code);
  lua_getfield(L, index, "folds");
  fields->is_folded = lua_toboolean(L, -1);
  lua_pop(L, 1);
}

/* A separate reader, for responses that did not come through an engine. */
struct lone_reader {
  struct sm_reader reader;
  struct sm_fields fields;
  struct sm_buf rest;
};

static int lone_gc(lua_State *L) {
  struct lone_reader *lone = luaL_checkudata(L, 1, SM_READER);

  sm_reader_free(&lone->reader);
  sm_fields_free(&lone->fields);
  sm_buf_free(&lone->rest);
  return 0;
}

/*
 * items, rest = core.read_items(fields, ids, text, piece)
 *
 * Reads a complete response, `piece` bytes at a time. items is nil if the
 * response does not match `fields`. `rest` is everything but the entries.
 */
int sm_items_read(lua_State *L) {
  size_t len, at, count, i;
  const char *text = luaL_checklstring(L, 3, &len);
  lua_Integer piece = luaL_optinteger(L, 4, (lua_Integer)len + 1);
  enum sm_status status = SM_OK;
  struct lone_reader *lone;

  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_argcheck(L, piece >= 1, 4, "a number of bytes");
  if (piece > (lua_Integer)len + 1)
    piece = (lua_Integer)len + 1;
  lone = lua_newuserdata(L, sizeof(*lone));
  sm_reader_init(&lone->reader);
  sm_fields_init(&lone->fields);
  sm_buf_init(&lone->rest, SM_ALL);
  luaL_getmetatable(L, SM_READER);
  lua_setmetatable(L, -2);

  sm_fields_read(L, 1, &lone->fields);
  count = lua_rawlen(L, 2);
  status = sm_reader_begin(&lone->reader, &lone->fields, count);
  for (i = 1; i <= count && status == SM_OK; i++) {
    size_t id_len;
    const char *id;

    lua_rawgeti(L, 2, (int)i);
    if (lua_type(L, -1) != LUA_TSTRING)
      return luaL_error(L, "id %d is a %s, not a string", (int)i,
                        luaL_typename(L, -1));
    id = lua_tolstring(L, -1, &id_len);
    status = sm_reader_expect(&lone->reader, id, id_len);
    lua_pop(L, 1);
  }
  for (at = 0; at < len && status == SM_OK; at += (size_t)piece) {
    size_t left = len - at;

    status = sm_reader_feed(&lone->reader, text + at,
                            left < (size_t)piece ? left : (size_t)piece,
                            &lone->rest);
  }
  if (status != SM_OK)
    return luaL_error(L, status == SM_FULL ? "an id or the answer is too large"
                                           : "not enough memory");
  if (sm_reader_end(&lone->reader))
    sm_items_move(sm_items_new(L), &lone->reader.items);
  else
    lua_pushnil(L);
  lua_pushlstring(L, lone->rest.bytes != NULL ? lone->rest.bytes : "",
                  lone->rest.len);
  return 2;
}

static const luaL_Reg items_methods[] = {
    {"run", items_run},
    {"counts", items_counts},
    {"surplus", items_surplus},
    {"close", items_close},
    {NULL, NULL},
};

static const luaL_Reg items_metamethods[] = {
    {"__gc", items_close},
    {NULL, NULL},
};

static const luaL_Reg lone_methods[] = {{NULL, NULL}};

static const luaL_Reg lone_metamethods[] = {
    {"__gc", lone_gc},
    {NULL, NULL},
};

void sm_items_init(lua_State *L) {
  sm_newtype(L, SM_ITEMS, items_methods, items_metamethods);
  sm_newtype(L, SM_READER, lone_methods, lone_metamethods);
}
