#include "uuid.h"

#include <stdio.h>

/* uuid = core.uuid(): of version 4 */
int sm_uuid(lua_State *L) {
  /* Reads fresh randomness each time: a buffer would be copied by fork(). */
  FILE *file = fopen("/dev/urandom", "rb");
  unsigned char b[16];
  char text[37];
  size_t count;

  if (file == NULL)
    return luaL_error(L, "/dev/urandom cannot be read");
  setvbuf(file, NULL, _IONBF, 0);
  count = fread(b, 1, sizeof(b), file);
  (void)fclose(file);
  if (count != sizeof(b))
    return luaL_error(L, "/dev/urandom cannot be read");
  b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
  b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
  (void)snprintf(text, sizeof(text),
                 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                 "%02x%02x%02x%02x%02x%02x",
                 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9],
                 b[10], b[11], b[12], b[13], b[14], b[15]);
  lua_pushlstring(L, text, sizeof(text) - 1);
  return 1;
}
