/*
 * command.c - opens stopmsg.command, the functions that only the command needs.
 * A program that uses the library does not load them.
 */

#include "../compat.h"
#include "decoder.h"
#include "digest.h"
#include "lines.h"
#include "log.h"
#include "marks.h"
#include "process.h"
#include "writer.h"

#define SM_EXPORT __attribute__((visibility("default")))

static const luaL_Reg functions[] = {
    {"log", sm_log_new},
    {"same_file", sm_log_same},
    {"file_kind", sm_log_kind},
    {"scratch", sm_log_scratch},
    {"marks", sm_marks_new},
    {"digest", sm_digest_new},
    {"lines", sm_writer_new},
    {"put", sm_writer_put},
    {"next_line", sm_lines_next},
    {"take_lines", sm_lines_take},
    {"count_lines", sm_lines_count},
    {"count_ids", sm_lines_count_ids},
    {"unify_lines", sm_lines_unify},
    {"next_field", sm_lines_field},
    {"take_fields", sm_lines_fields},
    {"next_member", sm_lines_member},
    {"take_members", sm_lines_members},
    {"json_span", sm_lines_json_span},
    {"decoder", sm_decoder_new},
    {NULL, NULL},
};

SM_EXPORT int luaopen_stopmsg_command(lua_State *L);

SM_EXPORT int luaopen_stopmsg_command(lua_State *L) {
  sm_log_init(L);
  sm_writer_init(L);
  sm_marks_init(L);
  sm_digest_init(L);
  sm_decoder_init(L);
  luaL_newlib(L, functions);
  sm_process_open(L);
  lua_setfield(L, -2, "process");
  return 1;
}
